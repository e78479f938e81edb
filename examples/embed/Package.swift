// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "embed",
  dependencies: [.package(name: "attn", path: "../..")],
  targets: [.executableTarget(name: "embed", dependencies: [.product(name: "Attn", package: "attn")])]
)
