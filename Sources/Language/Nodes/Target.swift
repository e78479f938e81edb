import Values

/// A name that a statement binds, and where its value goes: every assignment, unpacking, loop variable and
/// definition goes through `bind`.
final class Target {
  let name: String
  let place: Place

  enum Place {
    case local(Int)
    case global(GlobalCell)
  }

  init(_ name: String, _ place: Place) { (self.name, self.place) = (name, place) }

  /// Binds the name, and gives the value that it has then: an observer may put another in its place.
  @discardableResult @inline(__always)
  func bind(_ value: Value, _ frame: inout Frame) throws -> Value {
    if frame.observer != nil { return try show(value, &frame) }
    store(value, &frame)
    return value
  }

  @inline(never)
  private func show(_ value: Value, _ frame: inout Frame) throws -> Value {
    let seen = try frame.observer?.willBind(name, value, frame) ?? value
    store(seen, &frame)
    return seen
  }

  @inline(__always)
  private func store(_ value: Value, _ frame: inout Frame) {
    switch place {
    case .local(let slot): frame.locals[slot] = value
    case .global(let cell): cell.value = value
    }
  }

  /// The value, handed over, so that what holds it alone can change it in place.
  func take(_ frame: inout Frame) -> Value {
    switch place {
    case .local(let slot):
      let value = frame.locals[slot]
      frame.locals[slot] = .undefined
      return value
    case .global(let cell):
      let value = cell.value
      cell.value = .undefined
      return value
    }
  }
}

/// What a loop binds in each round: its item by one name, or the parts of it by several.
struct LoopTargets {
  private let first: Target
  private let others: [Target]

  init(_ targets: [Target]) {
    (first, others) = (targets[0], Array(targets.dropFirst()))
  }

  @inline(__always)
  func bind(_ item: Value, of sequence: Node, _ frame: inout Frame) throws {
    guard others.isEmpty else { return try bindParts(of: item, of: sequence, &frame) }
    try first.bind(item, &frame)
  }

  @inline(never)
  private func bindParts(of item: Value, of sequence: Node, _ frame: inout Frame) throws {
    let parts = try unpack(item, into: 1 + others.count, at: sequence.span)
    try first.bind(parts[0], &frame)
    for place in others.indices { try others[place].bind(parts[place + 1], &frame) }
  }
}

/// Looks on while names are bound, in the frames that begin while it is the interpreter's.
protocol NameObserver: AnyObject {
  /// - Returns: the value that the name gets.
  func willBind(_ name: String, _ value: Value, _ frame: Frame) throws -> Value
}
