/// Concatenation along an axis.
///
/// A tensor that was concatenated before is likely to grow further: a KV cache, a record of losses. The
/// second concatenation therefore leaves capacity behind the rows, and later ones write new rows there, so
/// that appending a row takes the time of a row and not of the whole.
extension Tensor {
  /// The tensors concatenated along an axis that all of them have; other sizes and dtypes are equal.
  package static func concatenated(_ parts: [Tensor], axis: Int) throws -> Tensor {
    let first = parts[0]
    let length = parts.reduce(0) { $0 + $1.shape[axis] }
    if let grown = try first.growing(by: parts.dropFirst(), to: length, axis: axis) { return grown }
    let isLikelyToGrow = first.shape[axis] > length / 2 && first.storage.isJoined
    let result =
      try (isLikelyToGrow ? try? first.withRoom(length + length / 2, for: length, axis: axis) : nil)
      ?? first.withRoom(length, for: length, axis: axis)
    try result.write(parts[...], at: 0, axis: axis)
    return result
  }

  /// A new tensor of this one's shape with `length` rows along an axis, and capacity for `room` rows.
  private func withRoom(_ room: Int, for length: Int, axis: Int) throws -> Tensor {
    var shape = shape
    shape[axis] = room
    let whole = try Tensor(uninitialized: dtype, shape)
    whole.storage.begin(rows(along: axis, taken: length))
    return whole.sliced(axis: axis, start: 0, count: length)
  }

  private func rows(along axis: Int, taken: Int) -> Storage.Rows {
    Storage.Rows(
      blocks: shape[..<axis].reduce(1, *), length: shape[(axis + 1)...].reduce(1, *), taken: taken)
  }

  /// This tensor with `parts` written behind it in its own buffer.
  ///
  /// `nil` where the capacity does not suffice, or where another tensor already shows rows behind this one.
  private func growing(
    by parts: ArraySlice<Tensor>, to length: Int, axis: Int
  ) throws -> Tensor? {
    let rows = rows(along: axis, taken: shape[axis])
    let rowBytes = rows.blocks * rows.length * dtype.size
    guard offset == 0, rowBytes > 0, storage.byteCount % rowBytes == 0, !parts.isEmpty,
      storage.byteCount / rowBytes >= length
    else { return nil }
    var room = shape
    room[axis] = storage.byteCount / rowBytes
    let strides = rowMajorStrides(room)
    guard isSameView(view(shape: shape, strides: strides, offset: 0)),
      storage.take(length - shape[axis], behind: rows)
    else { return nil }
    var grown = shape
    grown[axis] = length
    let result = view(shape: grown, strides: strides, offset: 0)
    try result.write(parts, at: shape[axis], axis: axis)
    return result
  }

  /// Writes `parts` one after the other along an axis, to rows that no reader has seen yet.
  private func write(_ parts: ArraySlice<Tensor>, at start: Int, axis: Int) throws {
    let strides = elementStrides
    var at = start
    for part in parts {
      try part.copy(
        strides: part.elementStrides, to: self, strides: strides, offset: at * strides[axis])
      at += part.shape[axis]
    }
  }
}
