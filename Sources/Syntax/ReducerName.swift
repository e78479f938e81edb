/// The functions that index notation applies to an index, as in `sum[i](...)`. `name[...](...)` with one of
/// these names is such a reducer whatever variables are called.
package enum ReducerName: String, CaseIterable, Sendable {
  case sum, mean, max, min, prod, logsumexp, argmax, argmin, any, all
  case softmax, cumsum, normalize
  case logSoftmax = "log_softmax"

  /// Whether the index stays: it works along an index that is bound.
  package var isAlong: Bool {
    switch self {
    case .softmax, .logSoftmax, .cumsum, .normalize: true
    case .sum, .mean, .max, .min, .prod, .logsumexp, .argmax, .argmin, .any, .all: false
    }
  }
}
