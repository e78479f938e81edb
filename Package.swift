// swift-tools-version: 6.0
import PackageDescription

// The arrows between modules are few and never go round: docs/architecture.md draws them.
let package = Package(
  name: "attn",
  products: [
    .library(name: "Attn", targets: ["Attn"]),
    .library(name: "Golden", targets: ["Golden", "Attn"]),
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
    .target(name: "Support"),
    .target(name: "Shapes", dependencies: ["Support"]),
    .target(name: "Syntax", dependencies: ["Support"]),
    .target(name: "Tensors", dependencies: ["CKernels", "Shapes"]),
    .target(name: "Autodiff", dependencies: ["Tensors"]),
    .target(name: "Drawing", dependencies: ["Tensors", "Support"]),
    .target(name: "Values", dependencies: ["Autodiff", "Drawing", "Tensors", "Shapes", "Support"]),
    .target(name: "Host", dependencies: ["Drawing", "Tensors", "Support"]),
    .target(
      name: "Builtins",
      dependencies: ["Values", "Host", "Shapes", "Syntax", "Autodiff", "Tensors", "Support"],
      exclude: ["Families"], resources: [.embedInCode("Library")]),
    .target(
      name: "Families",
      dependencies: ["Builtins", "Values", "Host", "Shapes", "Autodiff", "Drawing", "Tensors", "Support"],
      path: "Sources/Builtins/Families"),
    .target(
      name: "Language",
      dependencies: [
        "Builtins", "Values", "Host", "Syntax", "Shapes", "Autodiff", "Tensors", "Support",
      ]),
    .target(
      name: "Attn",
      dependencies: [
        "Golden", "Language", "Families", "Builtins", "Values", "Host", "Syntax", "Autodiff", "Tensors",
        "Support",
      ]),
    .target(
      name: "Golden",
      dependencies: [
        "Language", "Builtins", "Values", "Host", "Drawing", "Syntax", "Tensors", "Support",
      ]),
    .target(
      name: "Interaction",
      dependencies: [
        "Language", "Builtins", "Values", "Host", "Drawing", "Syntax", "Tensors", "Support",
      ]),
    .executableTarget(
      name: "attn-command",
      dependencies: [
        "Interaction", "CEditLine", "Golden", "Language", "Families", "Builtins", "Values", "Host", "Drawing",
        "Syntax", "Tensors", "Support", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/attn"),
    .executableTarget(
      name: "embed", dependencies: ["Attn"], path: "examples/embed", exclude: ["README.md"]),
    // The benchmarks' side of attn: bench/bench.py drives it.
    .executableTarget(name: "attn-bench", dependencies: ["Attn", "Tensors"], path: "bench/worker"),
    .testTarget(name: "SupportTests", dependencies: ["Support"]),
    .testTarget(name: "SyntaxTests", dependencies: ["Syntax"]),
    .testTarget(name: "ShapesTests", dependencies: ["Shapes"]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
    .testTarget(name: "AutodiffTests", dependencies: ["Autodiff", "Tensors"]),
    .testTarget(name: "DrawingTests", dependencies: ["Drawing", "Tensors"]),
    .testTarget(name: "HostTests", dependencies: ["Host", "Tensors", "Support"]),
    .testTarget(
      name: "BuiltinsTests",
      dependencies: [
        "Language", "Families", "Builtins", "Values", "Host", "Shapes", "Syntax", "Autodiff", "Tensors",
        "Support",
      ]),
    .testTarget(
      name: "LanguageTests",
      dependencies: [
        "Language", "Families", "Builtins", "Values", "Host", "Syntax", "Autodiff", "Tensors", "Support",
      ]),
    .testTarget(name: "GoldenTests", dependencies: ["Attn", "Golden", "Host"]),
    .testTarget(
      name: "ReferenceTests",
      dependencies: ["Language", "Families", "Builtins", "Values", "Host", "Autodiff", "Tensors"]),
    .testTarget(name: "AttnTests", dependencies: ["Attn"]),
    .testTarget(
      name: "InteractionTests",
      dependencies: [
        "Interaction", "Attn", "Golden", "Language", "Families", "Builtins", "Values", "Host", "Syntax",
        "Tensors",
        "Support",
      ]),
    .testTarget(name: "PromptTests"),
  ],
  cLanguageStandard: .c11
)
