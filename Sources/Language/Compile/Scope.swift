import Syntax

/// The names that one function, or one statement at top level, can see while it is compiled.
final class Scope {
  let parent: Scope?
  let isTopLevel: Bool
  private(set) var slots: [String: Int] = [:]
  private(set) var slotCount = 0
  /// What a function made here copies from its surroundings, in the order of its capture slots.
  private(set) var captures: [(name: String, slot: Int, source: CaptureSource)] = []
  /// Fields and parameters of the model whose `apply` this is.
  var model: ModelNames?
  /// Loop variables of the loops around the place at hand.
  var loopVariables: [String] = []
  /// The place at hand is part of an expression, which nothing can leave halfway.
  var isInOperand = false
  /// How many loops are around the place at hand.
  var loopDepth = 0
  /// Names that the signature bound to sizes: index variables of these names must agree.
  var signatureSizes: Set<String> = []
  /// Slots for the extents of the index variables in the statement at hand.
  var extents: [String: Int] = [:]

  /// Where the fields begin, in a constructor, that carry the name of a parameter: behind its own statement
  /// the name is the field.
  var renamingFields: Set<Int> = []

  /// Where the statements begin whose scores may be left pending (`AttentionChains`).
  var pendingStatements: Set<Int> = []

  struct ModelNames {
    var fields: [String: Int]
    var parameters: [String: Int]
    var methods: [String: Int]
  }

  enum CaptureSource {
    case local(Int)
    case global(GlobalCell)
  }

  init(parent: Scope?, isTopLevel: Bool = false) {
    self.parent = parent
    self.isTopLevel = isTopLevel
    model = isTopLevel ? nil : parent?.model
  }

  func newSlot() -> Int {
    defer { slotCount += 1 }
    return slotCount
  }

  @discardableResult
  func declare(_ name: String) -> Int {
    if let slot = slots[name] { return slot }
    let slot = newSlot()
    slots[name] = slot
    return slot
  }

  /// Gives a name another slot from here on.
  func redeclare(_ name: String) -> Int {
    let slot = newSlot()
    slots[name] = slot
    return slot
  }

  /// Gives a name another slot while `body` runs: a comprehension's variable.
  func shadowing<Result>(_ names: [String], _ body: ([Int]) throws -> Result) rethrows -> Result {
    let saved = slots
    let new = names.map { name in
      let slot = newSlot()
      slots[name] = slot
      return slot
    }
    defer { slots = saved }
    return try body(new)
  }

  enum Resolution {
    case local(Int)
    case field(Int)
    case modelArgument(Int)
    case method(Int)
    /// `self`, inside a method.
    case model
    /// `is_training`, inside a method.
    case trainingFlag
    case global
  }

  func resolve(_ name: String, _ module: Module) -> Resolution {
    if let slot = localSlot(name, module) { return .local(slot) }
    if let position = model?.fields[name] { return .field(position) }
    if let position = model?.parameters[name] { return .modelArgument(position) }
    if let position = model?.methods[name] { return .method(position) }
    if model != nil, name == "self" { return .model }
    if model != nil, name == "is_training" { return .trainingFlag }
    return .global
  }

  /// The slot of a local variable, captured from around if need be.
  private func localSlot(_ name: String, _ module: Module) -> Int? {
    if let slot = slots[name] { return slot }
    guard let parent else { return nil }
    let source: CaptureSource
    if let slot = parent.localSlot(name, module) {
      source = .local(slot)
    } else if parent.isTopLevel, parent.loopVariables.contains(name) {
      source = .global(module.cell(name))
    } else {
      return nil
    }
    let slot = declare(name)
    captures.append((name, slot, source))
    return slot
  }
}
