import Crypto
import CryptoExtras
import Foundation
import JSON
import PKI
import Testing

@Suite("JSON Web Key Sets")
struct JSONWebKeySetTests {
    /// Keys of every kind, made once.
    private struct Keys: Sendable {
        let rsa = try? _RSA.Signing.PrivateKey(keySize: .bits2048)
        let p256 = P256.Signing.PrivateKey()
        let p384 = P384.Signing.PrivateKey()
        let p521 = P521.Signing.PrivateKey()

        static let shared = Keys()

        func signature(_ algorithm: SignatureAlgorithm, _ text: [UInt8]) throws -> [UInt8] {
            func rsa(_ digest: some Digest, _ padding: _RSA.Signing.Padding) throws -> [UInt8] {
                let key = try #require(self.rsa)
                return Array(try key.signature(for: digest, padding: padding).rawRepresentation)
            }
            return switch algorithm {
            case .rs256: try rsa(SHA256.hash(data: text), .insecurePKCS1v1_5)
            case .rs384: try rsa(SHA384.hash(data: text), .insecurePKCS1v1_5)
            case .rs512: try rsa(SHA512.hash(data: text), .insecurePKCS1v1_5)
            case .ps256: try rsa(SHA256.hash(data: text), .PSS)
            case .ps384: try rsa(SHA384.hash(data: text), .PSS)
            case .ps512: try rsa(SHA512.hash(data: text), .PSS)
            case .es256: Array(try p256.signature(for: text).rawRepresentation)
            case .es384: Array(try p384.signature(for: text).rawRepresentation)
            case .es512: Array(try p521.signature(for: text).rawRepresentation)
            }
        }

        func document() throws -> JSON {
            let parts = try #require(rsa).publicKey.getKeyPrimitives()
            func curve(_ name: String, _ point: Data, _ width: Int) -> JSON {
                [
                    "kty": "EC", "crv": .string(name), "kid": "k", "x": .string(Base64URL.encode(Array(point.prefix(width)))),
                    "y": .string(Base64URL.encode(Array(point.suffix(width)))),
                ]
            }
            return [
                "keys": [
                    ["kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "AA"], ["kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB"],
                    [
                        "kty": "RSA", "kid": "k", "n": .string(Base64URL.encode(Array(parts.modulus))),
                        "e": .string(Base64URL.encode(Array(parts.publicExponent))),
                    ],
                    curve("P-256", p256.publicKey.rawRepresentation, 32), curve("P-384", p384.publicKey.rawRepresentation, 48),
                    curve("P-521", p521.publicKey.rawRepresentation, 66),
                ]
            ]
        }
    }

    private func token(_ named: SignatureAlgorithm, signedWith used: SignatureAlgorithm) throws -> String {
        let text = Base64URL.encode(Array("{\"alg\":\"\(named.rawValue)\",\"kid\":\"k\"}".utf8)) + ".e30"
        return text + "." + Base64URL.encode(try Keys.shared.signature(used, Array(text.utf8)))
    }

    @Test("a signature holds under the algorithm that made it, and under no other", arguments: SignatureAlgorithm.allCases)
    func algorithms(_ used: SignatureAlgorithm) throws {
        let keys = try #require(JSONWebKeySet(Keys.shared.document()))
        for named in SignatureAlgorithm.allCases {
            let token = try token(named, signedWith: used)
            do throws(JSONWebKeySet.Problem) {
                try keys.verify(token, algorithms: Set(SignatureAlgorithm.allCases))
                #expect(named == used)
            } catch {
                #expect(named != used && error == .badSignature)
            }
        }
    }

    @Test("an algorithm that is not allowed is refused whoever signed, and a kid that is not there is named")
    func refusals() throws {
        let keys = try #require(JSONWebKeySet(Keys.shared.document()))
        let curve = try token(.es256, signedWith: .es256)
        #expect(throws: JSONWebKeySet.Problem.algorithm("ES256")) { try keys.verify(curve) }
        let other = Base64URL.encode(Array("{\"alg\":\"RS256\",\"kid\":\"z\"}".utf8)) + ".e30.AA"
        #expect(throws: JSONWebKeySet.Problem.unknownKey("z")) { try keys.verify(other) }
        for text in ["", "a.b", "e30.e30", "e30.e30.A", "!.e30.AA", "W10.e30.AA"] {
            #expect(throws: JSONWebKeySet.Problem.malformed) { try keys.verify(text) }
        }
        #expect(JSONWebKeySet(Array("[]".utf8)) == nil && JSONWebKeySet(["keys": "none"] as JSON) == nil)
        #expect(JSONWebKeySet(["keys": .array(Array(repeating: [:], count: 257))] as JSON) == nil)
    }
}
