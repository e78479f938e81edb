// swift-tools-version: 6.0
import PackageDescription

// The arrows between modules are few and never go round: docs/architecture.md draws them.
let package = Package(
  name: "attn",
  products: [
    .library(name: "Attn", targets: ["Attn"]),
    .library(name: "Golden", targets: ["Golden"]),
    .executable(name: "attn", targets: ["attn-command"]),
    .executable(name: "embed", targets: ["embed"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    .target(name: "CKernels", cSettings: [.headerSearchPath(".")]),
    .systemLibrary(
      name: "CLibEdit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
    .target(name: "CEditLine", dependencies: ["CLibEdit"]),
    .target(name: "Shapes"),
    .target(name: "Syntax"),
    .target(name: "Tensors", dependencies: ["CKernels"]),
    .target(name: "Autodiff", dependencies: ["Tensors"]),
    .target(name: "Drawing", dependencies: ["Tensors"]),
    .target(
      name: "Builtins",
      dependencies: ["Shapes", "Autodiff", "Drawing", "Tensors"],
      resources: [.embedInCode("Library")]),
    .target(
      name: "Language",
      dependencies: ["Syntax", "Builtins", "Shapes", "Autodiff", "Tensors", "Drawing"]),
    .target(name: "Attn", dependencies: ["Language", "Builtins", "Syntax", "Autodiff", "Tensors"]),
    .target(
      name: "Golden", dependencies: ["Attn", "Language", "Builtins", "Drawing", "Syntax", "Tensors"]),
    .target(
      name: "Interaction",
      dependencies: ["Golden", "Language", "Builtins", "Drawing", "Syntax", "Tensors"]),
    .executableTarget(
      name: "attn-command",
      dependencies: [
        "Interaction", "CEditLine", "Golden", "Language", "Builtins", "Drawing", "Syntax", "Tensors",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/attn"),
    .executableTarget(
      name: "embed", dependencies: ["Attn"], path: "examples/embed", exclude: ["README.md"]),
    // The benchmarks' side of attn: bench/bench.py drives it.
    .executableTarget(name: "attn-bench", dependencies: ["Attn", "Tensors"], path: "bench/worker"),
    .testTarget(name: "SyntaxTests", dependencies: ["Syntax"]),
    .testTarget(name: "ShapesTests", dependencies: ["Shapes"]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
    .testTarget(name: "DrawingTests", dependencies: ["Drawing", "Tensors"]),
    .testTarget(
      name: "BuiltinsTests",
      dependencies: ["Language", "Builtins", "Shapes", "Syntax", "Autodiff", "Tensors"]),
    .testTarget(name: "AutodiffTests", dependencies: ["Autodiff", "Tensors"]),
    .testTarget(
      name: "LanguageTests", dependencies: ["Language", "Builtins", "Autodiff", "Tensors", "Syntax"]),
    .testTarget(name: "GoldenTests", dependencies: ["Golden", "Builtins"]),
    .testTarget(
      name: "ReferenceTests", dependencies: ["Language", "Builtins", "Autodiff", "Tensors"]),
    .testTarget(name: "AttnTests", dependencies: ["Attn"]),
    .testTarget(
      name: "InteractionTests",
      dependencies: ["Interaction", "Golden", "Language", "Builtins", "Syntax", "Tensors"]),
    .testTarget(name: "PromptTests"),
  ],
  cLanguageStandard: .c11
)
