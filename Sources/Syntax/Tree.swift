/// An expression and where it stands.
package struct Expression: Sendable {
  package var kind: Kind
  package var span: Span

  package indirect enum Kind: Sendable {
    case integer(Int)
    case float(Double)
    case boolean(Bool)
    case none
    case string([Piece])
    case name(String)
    /// `[a, b]`
    case list([Expression])
    /// `[element for names in sequence if condition]`
    case comprehension(Expression, names: [Name], sequence: Expression, condition: Expression?)
    /// `(a, b)` or `(loss: 0.3, step: 12)`
    case record([Argument])
    case unary(UnaryOperator, Expression)
    case binary(BinaryOperator, Expression, Expression)
    /// `a < b <= c`
    case comparison(Expression, [(ComparisonOperator, Expression)])
    case logical(LogicalOperator, Expression, Expression)
    /// `lower..upper by step`; in a subscript either end may be left out.
    case range(Expression?, Expression?, step: Expression?)
    case call(Expression, [Argument])
    case member(Expression, Name)
    case subscripted(Expression, [Subscript])
    /// `sum[d](body where condition)`
    case reducer(Name, [Binder], Expression, condition: Expression?)
    case lambda([Parameter], Block)
    case conditional(condition: Expression, Block, otherwise: Block?)
    /// `base with path = value`
    case updated(Expression, path: [PathStep], Expression)
  }

  package init(_ kind: Kind, _ span: Span) {
    self.kind = kind
    self.span = span
  }
}

package enum Piece: Sendable {
  case text(String)
  case value(Expression, format: String?, span: Span)
}

package struct Name: Sendable {
  package var text: String
  package var span: Span

  package init(text: String, span: Span) {
    self.text = text
    self.span = span
  }
}

package struct Argument: Sendable {
  package var label: Name?
  package var value: Expression
}

package enum Subscript: Sendable {
  case expression(Expression)
  /// `...`
  case ellipsis(Span)
  /// `(h d)`: two or more axes merged into one.
  case merged([Name], Span)

  package var span: Span {
    switch self {
    case .expression(let expression): expression.span
    case .ellipsis(let span), .merged(_, let span): span
    }
  }
}

/// An index variable that an index assignment or a reducer binds, with its extent where given.
package struct Binder: Sendable {
  package var name: Name
  package var extent: Expression?
}

/// An axis of an index assignment's target.
package enum TargetAxis: Sendable {
  case index(Binder)
  case ellipsis(Span)
  case merged([Binder], Span)
  /// Anything else, which is a mistake: `w[0, 1] = 5.0`.
  case other(Expression)
}

package enum PathStep: Sendable {
  case member(Name)
  case subscripts([Subscript], Span)
}

package enum UnaryOperator: String, Sendable {
  case negate = "-"
  case not
}

package enum BinaryOperator: String, Sendable, CaseIterable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case floorDivide = "//"
  case remainder = "%"
  case matmul = "@"
  case power = "^"
}

package enum ComparisonOperator: String, Sendable, CaseIterable {
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
}

package enum LogicalOperator: String, Sendable { case and, or }

package struct Parameter: Sendable {
  package var name: Name
  /// The axes that a tensor given here has: `q[..., t, d]`.
  package var axes: [AxisPattern]?
  package var axesSpan: Span?
  package var fallback: Expression?
}

package enum AxisPattern: Sendable {
  case ellipsis(Span)
  case size(Name)
  case literal(Int, Span)
}

package struct Block: Sendable {
  package var statements: [Statement]
  package var span: Span

  package init(statements: [Statement], span: Span) {
    self.statements = statements
    self.span = span
  }
}

package struct Statement: Sendable {
  package var kind: Kind
  package var span: Span
  /// Ended by `;`, which keeps a value from being shown.
  package var isMuted = false
  /// The `##` lines above it, or behind it for `arg`.
  package var documentation: String?

  package indirect enum Kind: Sendable {
    case expression(Expression)
    case assign([Name], Expression)
    case indexAssign(Name, [TargetAxis], Expression)
    case function(FunctionDeclaration)
    case model(ModelDeclaration)
    case forLoop([Name], Expression, Block)
    case whileLoop(Expression, Block)
    case breakLoop
    case continueLoop
    case returnValue(Expression?)
    case assertion(Expression, message: Expression?)
    case importFile(Expression)
    case scriptParameter(Name, Expression)
  }

  package init(_ kind: Kind, _ span: Span) {
    self.kind = kind
    self.span = span
  }
}

package struct FunctionDeclaration: Sendable {
  package var name: Name
  package var parameters: [Parameter]
  package var body: Block
  package var documentation: String?
  /// The whole text, for `:source`.
  package var span: Span

  package init(
    name: Name, parameters: [Parameter], body: Block, documentation: String?, span: Span
  ) {
    self.name = name
    self.parameters = parameters
    self.body = body
    self.documentation = documentation
    self.span = span
  }
}

package struct ModelDeclaration: Sendable {
  package var name: Name
  package var parameters: [Parameter]
  package var fields: [Statement]
  /// `apply`, which a call of the model runs, and others that are called by their names.
  package var methods: [FunctionDeclaration]
  package var documentation: String?
  package var span: Span
}

/// What parsing gives: always a tree, and what was wrong with the text.
package struct Script: Sendable {
  package var source: Source
  package var statements: [Statement]
  package var comments: [Comment]
  package var problems: [Diagnostic]

  /// Whether the only thing wrong is that the text stops too early.
  package var isIncomplete: Bool {
    problems.contains(where: \.isIncomplete)
  }
}
