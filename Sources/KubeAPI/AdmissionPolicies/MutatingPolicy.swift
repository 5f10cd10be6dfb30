public import JSON

/// A MutatingAdmissionPolicy, compiled (`k8s.io/apiserver/pkg/admission/plugin/policy/mutating`).
public struct MutatingPolicy: Sendable {
    /// Why an object was not changed.
    public enum Failure: Error, Sendable, Hashable {
        /// The policy's fault.
        case invalid(String)
        /// The changed object is none of its kind.
        case `internal`(String)
        /// The authorizers have to be asked first.
        case stop(PolicyStop)
    }

    private struct Mutation: Sendable {
        let expression: PolicyExpression
        let isPatch: Bool
    }

    /// Whether it is called again when others changed the object after it.
    public let canReinvoke: Bool
    /// How many mutations it has.
    public var count: Int { mutations.count }
    private let mutations: [Mutation]
    private let conditions: MatchConditions
    private let variables: [String: Result<CELExpression, CELFailure>]

    /// Compiles a policy; expressions that do not compile fail when they are evaluated.
    public init(_ policy: JSON) {
        let spec = policy["spec"] ?? [:]
        var compiler = PolicyCompiler(hasParams: spec.present("paramKind") != nil, hasVariables: true)
        variables = compiler.addVariables(of: spec)
        conditions = MatchConditions(spec["matchConditions"], compiler)
        mutations = spec.items("mutations").map { [compiler] mutation in
            let isPatch = mutation["patchType"] == "JSONPatch"
            let text = mutation.at(isPatch ? "jsonPatch" : "applyConfiguration", "expression")?.string ?? ""
            return Mutation(
                expression: compiler.compile(GoText.trimmed(text), isPatch ? .jsonPatch : .applyConfiguration), isPatch: isPatch)
        }
        canReinvoke = spec["reinvocationPolicy"] == "IfNeeded"
    }

    /// Whether the policy is about a request.
    ///
    /// - Throws: `PolicyStop.question`.
    public func matches(
        _ input: PolicyInput, params: JSON?, answers: [AccessQuestion: AccessAnswer]
    ) throws(PolicyStop) -> MatchConditions.Outcome {
        let composition = CELComposition(variables, roots: input.roots(params: params, hasAuthorizer: true))
        return try conditions.evaluate(input, params: params, composition: composition, answers: answers)
    }

    /// The object of an input after one of the mutations.
    ///
    /// - Throws: `Failure`.
    public func mutated(
        _ index: Int, _ input: PolicyInput, params: JSON?, answers: [AccessQuestion: AccessAnswer], _ resource: ResourceType
    ) throws(Failure) -> JSON {
        guard let object = input.object, mutations.indices.contains(index) else { return input.object ?? .null }
        let roots = input.roots(params: params, hasAuthorizer: true)
        var evaluation = PolicyEvaluation(
            roots, composition: CELComposition(variables, roots: roots), answers: answers, budget: PolicyEvaluation.budget)
        let mutation = mutations[index]
        if case .failure(let failure) = mutation.expression.result { throw .invalid(failure.text) }
        let result: Result<CELValue, CELFailure>
        do throws(PolicyStop) { result = try evaluation.value(mutation.expression) } catch {
            throw error == .budget ? .invalid(PolicyStop.budgetText) : .stop(error)
        }
        let value: CELValue
        switch result {
        case .success(let found): value = found
        case .failure(let failure): throw .invalid(failure.text)
        }
        return mutation.isPatch ? try patched(object, value) : try merged(object, value, resource)
    }

    // MARK: Apply configurations

    private func merged(_ object: JSON, _ value: CELValue, _ resource: ResourceType) throws(Failure) -> JSON {
        if let mismatch = Self.mismatch(value, ["Object"]) { throw .invalid("type mismatch: \(mismatch)") }
        var config: JSON
        do throws(CELError) { config = try value.json() } catch { throw .invalid("invalid return type: \(error.text)") }
        config["apiVersion"] = object["apiVersion"]
        config["kind"] = object["kind"]
        let types: any VersionedMergeTypes =
            resource.custom.map { CustomMergeTypes(resource: $0) } ?? BuiltinMergeTypes(resource.groupVersionKind)
        guard let type = types.type(resource.groupVersion) else {
            throw .internal("no type for \(resource.groupVersionKind)")
        }
        do throws(TypedFailure) { _ = try TypedFieldSet.checked(config, type) } catch {
            throw .invalid("error applying patch: failed to convert patch object to typed object: \(error.message)")
        }
        let atomics = Self.atomics(config, type.root, type.schema, "")
        guard atomics.isEmpty else {
            throw .invalid(
                "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
                    + atomics.joined(separator: ", "))
        }
        return TypedMerge.merge(config, into: object, type)
    }

    /// Objects are made with the type of the place where they stand.
    private static func mismatch(_ value: CELValue, _ path: [String]) -> String? {
        switch value {
        case .message(let name, let fields):
            let expected = path.joined(separator: ".")
            guard name == expected else {
                return
                    "unexpected type name \(GoText.quoted(name)), expected \(GoText.quoted(expected)), which matches field name path from "
                    + "root Object type"
            }
            return fields.sorted { $0.key < $1.key }.lazy.compactMap { mismatch($0.value, path + [$0.key]) }.first
        case .list(let elements, _): return elements.lazy.compactMap { mismatch($0, path) }.first
        case .map(let entries):
            return entries.sorted { ($0.key.value.compare($1.key.value) ?? 0) < 0 }.lazy.compactMap { mismatch($0.value, path) }.first
        default: return nil
        }
    }

    /// The places of what is one value to structured merge, whose other parts an apply configuration would take away.
    private static func atomics(_ value: JSON, _ type: Int, _ schema: MergeSchema, _ path: String) -> [String] {
        switch (schema.shape(type, of: value), value) {
        case (.map(let map)?, .object(let object)):
            var found = map.isAtomic ? [path] : []
            for member in object {
                var hint = 0
                guard let field = map.field(member.key, &hint) else { continue }
                found += atomics(member.value, field.type, schema, "\(path).\(member.key)")
            }
            return found
        case (.list(let element, let identity)?, .array(let elements)):
            var found: [String] = []
            if case .atomic = identity { found.append(path) }
            for (index, item) in elements.enumerated() { found += atomics(item, element, schema, "\(path)[\(index)]") }
            return found
        default: return []
        }
    }

    // MARK: JSON patches

    private func patched(_ object: JSON, _ value: CELValue) throws(Failure) -> JSON {
        guard case .list(let elements, _) = value else {
            throw .invalid("type mismatch: JSONPatchType.expression should evaluate to array")
        }
        var operations: [JSON] = []
        for element in elements {
            guard case .message(PolicyTypes.jsonPatch.name, let fields) = element else {
                throw .invalid(
                    "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch, got element of \(element.typeName)")
            }
            var operation: JSON = [:]
            for name in ["op", "path", "from"] {
                if case .string(let text)? = fields[name], name != "from" || !text.isEmpty { operation[name] = .string(text) }
            }
            if let value = fields["value"] {
                if case .message(let name, _) = value, let mismatch = Self.mismatch(value, name.split(separator: ".").map(String.init)) {
                    throw .invalid("type mismatch: \(mismatch)")
                }
                do throws(CELError) { operation["value"] = try value.json() } catch {
                    throw .invalid("JSONPath valueExpression evaluated to a type that could not marshal to JSON: \(error.text)")
                }
            }
            operations.append(operation)
        }
        do throws(JSONPatch.Failure) { return try JSONPatch.apply(operations, to: object) } catch {
            // A test that does not hold means: not this object.
            if case .testFailed = error { return object }
            throw .invalid("JSONPath: \(error.text)")
        }
    }
}
