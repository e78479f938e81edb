import Tensors

/// The session's stream of random numbers.
package final class Randomness {
  package var state = RandomState()

  package init() {}
}
