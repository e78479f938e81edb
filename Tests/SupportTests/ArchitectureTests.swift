import Foundation
import Support
import Testing

/// The arrows between modules, and what docs/architecture.md says of them.
@Suite struct ArchitectureTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// A target of Package.swift that is not a test.
  struct Module: Sendable {
    var name: String
    var folder: String
    var dependencies: Set<String>

    /// Its Swift sources, as paths from the root.
    func sources() throws -> [String] {
      let all = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
      let paths = (all?.allObjects as? [String] ?? []).filter { $0.hasSuffix(".swift") }.map {
        "\(folder)/\($0)"
      }
      return name == "Builtins" ? paths.filter { !$0.contains("/Families/") } : paths
    }
  }

  static let modules: [Module] = {
    let package = (try? text("Package.swift")) ?? ""
    return package.split(separator: /\.(target|executableTarget|testTarget|systemLibrary)\(/).dropFirst()
      .compactMap { part in
        let strings = part.matches(of: /"([^"]+)"/).map { String($0.output.1) }
        guard let name = strings.first, !name.hasSuffix("Tests"), name != "embed", name != "attn-bench" else {
          return nil
        }
        let folder = part.firstMatch(of: /path: "([^"]+)"/).map { String($0.output.1) } ?? "Sources/\(name)"
        let list = part.firstMatch(of: /dependencies: \[([^\]]*)\]/)?.output.1 ?? ""
        var names = Set(list.matches(of: /"([^"]+)"/).map { String($0.output.1) })
        if names.remove("swift-argument-parser") == nil { names.remove("ArgumentParser") }
        return Module(name: name, folder: folder, dependencies: names)
      }
  }()

  static let ours = Set(modules.map(\.name))

  static func imports(of module: Module) throws -> Set<String> {
    var found: Set<String> = []
    for path in try module.sources() {
      for match in try text(path).matches(of: /(?m)^(?:@\w+ |package )*import (\w+)$/) {
        found.insert(String(match.output.1))
      }
    }
    return found.intersection(ours)
  }

  @Test func thereAreModules() {
    #expect(
      Self.ours.isSuperset(of: ["Support", "Shapes", "Tensors", "Families", "Language", "attn-command"]))
  }

  /// SwiftPM lets a module import what it only reaches; here an arrow is there if and only if it is used.
  @Test(arguments: modules.filter { !$0.name.hasPrefix("C") }.map(\.name))
  func importsWhatItDeclares(_ name: String) throws {
    let module = try #require(Self.modules.first { $0.name == name })
    let declared = module.dependencies.intersection(Self.ours)
    let imported = try Self.imports(of: module)
    #expect(imported.subtracting(declared) == [], "imported and not declared")
    #expect(declared.subtracting(imported) == [], "declared and not imported")
  }

  @Test func thePageHasARowForEachModule() throws {
    let rows = try Self.text("docs/architecture.md").matches(of: /(?m)^\| `([\w-]+)`/).map {
      String($0.output.1)
    }
    #expect(Set(rows) == Self.ours.subtracting(["CLibEdit"]))
  }

  @Test func thePathsOfTheCodeMapExist() throws {
    let page = try Self.text("docs/architecture.md")
    let map = try #require(page.range(of: "## Code map"))
    var folder = ""
    for match in page[map.upperBound...].matches(of: /`([\w+\/]+\.(?:swift|h|c|attn))`/) {
      let path = String(match.output.1)
      guard !path.hasSuffix("+Family.swift"), !path.hasSuffix("+Topic.swift"), path != "Package.swift" else {
        continue
      }
      if path.contains("/") { folder = path.split(separator: "/").dropLast().joined(separator: "/") }
      let whole = path.contains("/") ? path : "\(folder)/\(path)"
      let there = ["Sources/\(whole)", whole].contains { path in
        FileManager.default.fileExists(atPath: Self.root.appending(path: path).path)
      }
      #expect(there, "\(whole)")
    }
  }

  @Test func onlyTensorsCallsKernels() {
    #expect(Self.modules.filter { $0.dependencies.contains("CKernels") }.map(\.name) == ["Tensors"])
  }

  @Test func theLanguageImportsNoPrimitives() throws {
    let language = try #require(Self.modules.first { $0.name == "Language" })
    #expect(!language.dependencies.contains("Families"))
  }

  @Test func onlyTheProductsArePublic() throws {
    for module in Self.modules where !["Attn", "Golden"].contains(module.name) {
      for path in try module.sources() {
        #expect(try Self.text(path).firstMatch(of: #/(?m)^ *public /#) == nil, "\(path)")
      }
    }
  }

  /// Outside the tensors, pointers serve a few hot paths; a new one wants a reason.
  @Test func unsafeTypesStayWhereTheyAre() throws {
    var found: Set<String> = []
    for module in Self.modules where module.name != "Tensors" {
      for path in try module.sources() where try Self.text(path).contains("Unsafe") { found.insert(path) }
    }
    let notation = ["Memo", "Node", "Plan", "Program"].map {
      "Sources/Language/IndexNotation/Index\($0).swift"
    }
    #expect(
      found
        == Set(notation + ["Sources/Language/Run/AxisCheck.swift", "Sources/Interaction/HistoryFile.swift"]))
  }
}
