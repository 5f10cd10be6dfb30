import Encoding
import HTTP
import JSON
import KubeAPI
import RBAC
import Store
import World

extension Registry {
    /// How often a create tries another generated name, as kube-apiserver does.
    private static let generatedNameAttempts = 8

    /// `create`.
    ///
    /// - Throws: 400, 404 and 403 for the namespace, 409, 413, 415, 422.
    func create(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        let options = try WriteOptions(request.query, .create)
        let decoded = try cluster.decoder.decode(
            request.http.body, contentType: request.http.headers["Content-Type"], of: request.resource,
            validation: options.validation)
        request.audit(decoded.object)
        request.warnings.note(decoded.warnings)
        return try await create(decoded.object, request, options, managers: .sent(decoded.managedFields), warnings: decoded.warnings)
    }

    /// Creates a decoded object.
    func create(
        _ wanted: JSON, _ request: APIRequest, _ options: WriteOptions, managers: ManagerSource, warnings: [String]
    ) async throws(KubeStatus) -> RegistryAnswer {
        let resource = request.resource
        try checkNamespace(wanted, request)
        let strategy = ResourceStrategy.of(resource)
        var wished = try await conversion.stored(wanted, resource)
        let repeated = ObjectMetadata.withoutRepeatedOwners(&wished)
        ObjectDefaults.apply(to: &wished, resource)
        // What the server adds from here on has no manager.
        let managedFields = managedFields(creating: asServed(wished, wanted, resource), managers, request, options)
        let isGenerated = wanted.objectName.isEmpty && !(wanted.at("metadata", "generateName")?.string ?? "").isEmpty
        for attempt in 1...Self.generatedNameAttempts {
            let guarding = try namespaceCondition(request, wished.objectName)
            var attributes = AdmissionAttributes(
                operation: .create, request: request, object: wished, old: nil, isDryRun: options.isDryRun)
            var object = try await admission.mutate(attributes)
            ObjectMetadata.prepareForCreate(
                &object, namespace: resource.isNamespaced ? request.namespace : nil, generation: strategy.countsGenerations,
                world: cluster.world, at: request.http.trace.received)
            strategy.prepareForCreate(&object, resource)
            let early = ObjectWarnings.preparing(object, resource)
            ObjectPreparation.create(&object, resource, now: cluster.world.now.rfc3339, author: Self.author(request.user))
            let taken = try StorageHooks.of(resource)?.beginCreate(&object, cluster, isDryRun: options.isDryRun) ?? .none
            defer { taken.settle(in: cluster) }
            object["metadata"]?["managedFields"] = managedFields
            object = ObjectDefaults.ordered(object, resource.storageKind)
            let name = object.objectName
            try await admission.confirmNoEscalation(object, old: nil, request)
            try validate(object, request)
            try await confirmMayCreate(request, name)
            ObjectPreparation.finish(&object, resource)
            attributes.object = object
            try await admission.validate(attributes)
            let warnings = warnings + repeated + early + ObjectWarnings.create(object, resource) + attributes.noted.texts
            if let version = UInt64(wanted.objectResourceVersion), version != 0 {
                throw .unexpected("resourceVersion should not be set on objects to be created")
            }
            if options.isDryRun {
                guard cluster.store.get(cluster.key(resource, namespace: request.namespace, name: name)) == nil else {
                    throw .alreadyExists(group: resource.group, resource: resource.resource, name: name)
                }
                return RegistryAnswer(
                    status: 201, bytes: try await served(StoredObject.bytes(object, at: nil), resource), warnings: warnings)
            }
            let key = cluster.key(resource, namespace: request.namespace, name: name)
            var transaction = taken.transaction(.put(key, StoredObject.value(object)), conditions: [.absent(key)] + guarding)
            transaction.writes += effects.companions(of: object, resource).map { .put($0.key, StoredObject.value($0.object)) }
            do {
                let commit = try await cluster.store.commit(transaction)
                if commit.values.count == 1 { cluster.trees.note(object, key, at: commit.revision, commit.values[0]) }
                await effects.written(object, resource)
                return RegistryAnswer(status: 201, bytes: try await served(taken.value(of: commit), resource), warnings: warnings)
            } catch let error as StoreError {
                guard case .conflict(let changed, _) = error else { throw .of(error) }
                // The namespace, or what the object takes, changed under our feet: look again.
                if changed != key { continue }
                if isGenerated {
                    guard attempt == Self.generatedNameAttempts else { continue }
                    throw .generateNameConflict(group: resource.group, resource: resource.resource, name: name)
                }
                throw conflict(resource, request.namespace, name)
            } catch let status as KubeStatus {
                throw status
            } catch {
                throw .internalError("\(error)")
            }
        }
        throw .serviceUnavailable("the namespace keeps changing")
    }

    /// A PUT or an apply that makes its object takes the right to create besides its own (`withAuthorization` of `endpoints/handlers`).
    private func confirmMayCreate(_ request: APIRequest, _ name: String) async throws(KubeStatus) {
        guard request.http.method != "POST", let authorizer = admission.authorizer else { return }
        let resource = request.resource
        let right = Attributes(
            user: request.user, verb: "create", namespace: request.namespace, apiGroup: resource.group, apiVersion: resource.version,
            resource: resource.resource, name: name)
        let decision = await authorizer.authorize(right, trace: request.http.trace)
        guard !decision.isAllowed else { return }
        throw .forbidden(
            group: resource.group, resource: resource.resource, name: name,
            message: Attributes.forbiddenMessage(group: resource.group, resource: resource.resource, name: name, decision.reason))
    }

    private func conflict(_ resource: ResourceType, _ namespace: String, _ name: String) -> KubeStatus {
        object(resource, namespace, name)?.isBeingDeleted == true
            ? .alreadyExistsWhileDeleting(group: resource.group, resource: resource.resource, name: name)
            : .alreadyExists(group: resource.group, resource: resource.resource, name: name)
    }

    /// A user as objects name the one who made them.
    private static func author(_ user: UserInfo) -> JSON {
        var author: JSON = ["username": .string(user.username)]
        if !user.uid.isEmpty { author["uid"] = .string(user.uid) }
        if !user.groups.isEmpty { author["groups"] = JSON(strings: user.groups) }
        if !user.extra.isEmpty {
            var extra: JSON = [:]
            for attribute in user.extra { extra[attribute.key] = JSON(strings: attribute.values) }
            author["extra"] = extra
        }
        return author
    }

    /// The namespace of the body may be absent, or that of the path.
    func checkNamespace(_ object: JSON, _ request: APIRequest) throws(KubeStatus) {
        let given = object.objectNamespace
        guard request.resource.isNamespaced, !given.isEmpty, given != request.namespace else { return }
        throw .badRequest("the namespace of the provided object does not match the namespace sent on the request")
    }

    private func validate(_ object: JSON, _ request: APIRequest) throws(KubeStatus) {
        var errors = ObjectValidation.problems(object, request.resource, .init(requested: request.resource.groupVersionKind))
        errors += request.resource.definitionProblems(object, old: nil, subresource: "")
        guard !errors.isEmpty else { return }
        throw .invalid(group: request.resource.storageKind.group, kind: request.resource.kind, name: object.objectName, errors)
    }

    /// The namespace must exist and not be going; that it stays so is a condition of the commit (admission plugin NamespaceLifecycle).
    private func namespaceCondition(_ request: APIRequest, _ name: String) throws(KubeStatus) -> [Transaction.Condition] {
        guard request.resource.isNamespaced else { return [] }
        let key = Key(cluster.collection(group: "", "namespaces"), request.namespace)
        guard let entry = cluster.store.get(key) else { throw .notFound(group: "", resource: "namespaces", name: request.namespace) }
        // Bytes first: only a namespace on its way out needs to be read.
        if entry.value.firstRange(ofBytes: Self.deletionMark) != nil, (try StoredObject.parse(entry.value)).isBeingDeleted {
            var status = KubeStatus.forbidden(
                group: request.resource.group, resource: request.resource.resource, name: name,
                message: "\(request.resource.qualifiedName) \(GoText.quoted(name)) is forbidden: unable to create new content in namespace "
                    + "\(request.namespace) because it is being terminated")
            status.details?["causes"] = [
                [
                    "reason": "NamespaceTerminating", "message": .string("namespace \(request.namespace) is being terminated"),
                    "field": "metadata.namespace",
                ]
            ]
            throw status
        }
        return [.modified(key, entry.modified)]
    }

    private static let deletionMark = Array("\"deletionTimestamp\":".utf8)
}
