import JSON
import KubeAPI
import RBAC

/// What policies and webhooks are told of a request.
extension AdmissionAttributes {
    /// The kind of the object that is written.
    var kind: GroupVersionKind {
        guard let part = resource.subresource(subresource) else { return resource.groupVersionKind }
        return GroupVersionKind(group: part.group, version: part.version, kind: part.kind)
    }

    /// The object's name as far as it is known.
    var name: String { request.name.isEmpty ? givenName : request.name }

    /// Where the request goes, as rules see it.
    func target(_ cluster: ClusterState) -> AdmissionTarget {
        func place(_ resource: ResourceType, _ kind: GroupVersionKind) -> AdmissionTarget.Place {
            AdmissionTarget.Place(group: resource.group, version: resource.version, resource: resource.resource, kind: kind)
        }
        let collection = cluster.collection(resource)
        let others = cluster.resources.resources.filter { other in
            other.resource == resource.resource && other.groupVersion != resource.groupVersion && other.isStored
                && cluster.collection(other) == collection
        }
        let isPart = !subresource.isEmpty && kind != resource.groupVersionKind
        return AdmissionTarget(
            place: place(resource, kind), equivalents: others.map { place($0, isPart ? kind : $0.groupVersionKind) },
            subresource: subresource, operation: operation.rawValue, namespace: request.namespace, name: name)
    }

    /// The object as it will be and as it is, in the version of a place; `nil` where there is none.
    ///
    /// - Throws: 500 when a conversion webhook fails.
    func objects(at place: AdmissionTarget.Place, _ cluster: ClusterState) async throws(KubeStatus) -> (new: JSON?, old: JSON?) {
        if subresource == "scale", let paths = ScalePaths.of(resource) {
            // The parts of the object that the scale is, not the object.
            return (
                try paths.scale(of: resource.served(object)),
                try old.map { (old) throws(KubeStatus) in try paths.scale(of: resource.served(old)) }
            )
        }
        guard subresource.isEmpty || kind == resource.groupVersionKind else { return (object, old) }
        let shown = cluster.resources.lookup(group: place.group, version: place.version, resource: place.resource) ?? resource
        let conversion = ObjectConversion(cluster: cluster)
        var new: JSON?
        if operation != .delete { new = try await conversion.served(object, shown) }
        var before: JSON?
        if let stored = operation == .delete ? object : old { before = try await conversion.served(stored, shown) }
        return (new, before)
    }

    /// Takes an object that a policy or webhook made of the one at a place.
    ///
    /// - Throws: 500 for what is no object of the resource.
    mutating func take(
        _ made: JSON, at place: AdmissionTarget.Place, _ view: AdmissionView, validation: FieldValidation
    ) async throws(KubeStatus) {
        let resources = view.cluster.resources
        let shown = resources.lookup(group: place.group, version: place.version, resource: place.resource) ?? resource
        if subresource == "scale", let paths = ScalePaths.of(resource) {
            var served = resource.served(object)
            paths.apply(made, to: &served)
            object = try await view.admitted(served, resource, validation: validation)
        } else if kind == resource.groupVersionKind {
            object = try await view.admitted(made, shown, validation: validation)
        } else {
            object = made
        }
    }

    /// `admission.k8s.io/v1 AdmissionRequest` without its uid and objects.
    func reviewRequest(at place: AdmissionTarget.Place) -> JSON {
        func kind(_ kind: GroupVersionKind) -> JSON {
            ["group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.kind)]
        }
        func resource(_ group: String, _ version: String) -> JSON {
            ["group": .string(group), "version": .string(version), "resource": .string(self.resource.resource)]
        }
        var review: JSON = [:]
        review["kind"] = kind(place.kind)
        review["resource"] = resource(place.group, place.version)
        if !subresource.isEmpty { review["subResource"] = .string(subresource) }
        review["requestKind"] = kind(self.kind)
        review["requestResource"] = resource(self.resource.group, self.resource.version)
        if !subresource.isEmpty { review["requestSubResource"] = .string(subresource) }
        if !name.isEmpty { review["name"] = .string(name) }
        if !request.namespace.isEmpty { review["namespace"] = .string(request.namespace) }
        review["operation"] = .string(operation.rawValue)
        review["userInfo"] = request.user.json
        review["dryRun"] = .bool(isDryRun)
        review["options"] = options
        return review
    }

    /// What expressions see.
    ///
    /// - Throws: 500 when a conversion webhook fails.
    func policyInput(at place: AdmissionTarget.Place, _ view: AdmissionView) async throws(KubeStatus) -> PolicyInput {
        let (new, old) = try await objects(at: place, view.cluster)
        var request = reviewRequest(at: place)
        request["uid"] = ""
        return PolicyInput(
            object: new, oldObject: old, request: request, namespace: namespaceObject(view),
            requestResource: AccessQuestion(
                subject: .requester, group: resource.group, resource: resource.resource, subresource: subresource,
                namespace: self.request.namespace, name: name))
    }

    /// The namespace that the object is in; a namespace is in none.
    func namespaceObject(_ view: AdmissionView) -> JSON? {
        guard !request.namespace.isEmpty, resource.isNamespaced else { return nil }
        return view.object("", "namespaces", request.namespace)
    }

    /// The labels that namespace selectors are compared with.
    func namespaceLabels(_ view: AdmissionView) -> JSONObject? {
        let isNamespace = resource.group.isEmpty && resource.resource == "namespaces"
        if isNamespace, subresource.isEmpty, operation != .delete { return object.labels }
        return request.namespace.isEmpty ? nil : view.object("", "namespaces", request.namespace)?.labels
    }

    /// The place by which the request is matched; `nil` when it is not.
    func place(_ match: AdmissionMatch, _ target: AdmissionTarget, _ view: AdmissionView) -> AdmissionTarget.Place? {
        let before = operation == .delete ? object : old
        return match.place(
            target, namespace: namespaceLabels(view), object: operation == .delete ? JSONObject?.none : object.labels ?? JSONObject(),
            old: before.map { $0.labels ?? JSONObject() })
    }
}

extension JSON {
    fileprivate var labels: JSONObject? { at("metadata", "labels")?.object }
}

/// Asks the authorizers what expressions want to know.
struct PolicyQuestions: Sendable {
    /// More than an expression's cost lets it ask.
    private static let limit = 64

    let authorizer: (any RequestAuthorizer)?
    let user: UserInfo
    private(set) var answers: [AccessQuestion: AccessAnswer] = [:]

    init(_ authorizer: (any RequestAuthorizer)?, _ user: UserInfo) {
        self.authorizer = authorizer
        self.user = user
    }

    /// Evaluates until no question is open.
    ///
    /// - Throws: 500 when there are ever more.
    mutating func answered<Value>(
        _ evaluate: ([AccessQuestion: AccessAnswer]) throws(PolicyStop) -> Value
    ) async throws(KubeStatus) -> Value {
        while true {
            do throws(PolicyStop) { return try evaluate(answers) } catch {
                guard case .question(let question) = error, answers.count < Self.limit else {
                    throw .internalError("an expression asks too much")
                }
                await answer(question)
            }
        }
    }

    /// Finds out what one question wants to know.
    mutating func answer(_ question: AccessQuestion) async {
        var subject = user
        if case .serviceAccount(let namespace, let name) = question.subject {
            subject = UserInfo(
                username: "system:serviceaccount:\(namespace):\(name)",
                groups: ["system:serviceaccounts", "system:serviceaccounts:\(namespace)", "system:authenticated"])
        }
        let attributes =
            question.path.map { Attributes(user: subject, verb: question.verb, path: $0) }
            ?? Attributes(
                user: subject, verb: question.verb, namespace: question.namespace, apiGroup: question.group, apiVersion: "*",
                resource: question.resource, subresource: question.subresource, name: question.name)
        let decision = await authorizer?.authorize(attributes, trace: nil)
        answers[question] = AccessAnswer(
            isAllowed: decision?.isAllowed ?? false, reason: decision?.reason ?? "", error: decision?.evaluationError ?? "")
    }
}
