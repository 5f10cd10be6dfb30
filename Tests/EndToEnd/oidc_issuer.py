"""An OpenID Connect provider over TLS: oidc_issuer.py DIRECTORY; it writes ca.pem, url, and the tokens that it is asked for by file name."""
import base64, http.server, json, os, ssl, subprocess, sys, time

directory = sys.argv[1]


def path(name):
    return os.path.join(directory, name)


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path("tls.key"), "-out", path("ca.pem"), "-days", "2",
        "-subj", "/CN=issuer", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
openssl("genrsa", "-out", path("sign.key"), "2048")
modulus = openssl("rsa", "-in", path("sign.key"), "-noout", "-modulus").decode().split("=")[1].strip()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/.well-known/openid-configuration":
            document = {"issuer": url, "jwks_uri": url + "/keys"}
        elif self.path == "/keys":
            document = {"keys": [{"kty": "RSA", "kid": "k1", "n": encoded(bytes.fromhex(modulus)), "e": "AQAB"}]}
        else:
            return self.send_error(404)
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def token(**changes):
    claims = {"iss": url, "sub": "u1", "aud": "kubernetes", "exp": int(time.time()) + 3600, "email": "ann@example.com",
              "groups": ["dev"], "hd": "example.com", **changes}
    text = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k1"}, claims))
    return text + "." + encoded(openssl("dgst", "-sha256", "-sign", path("sign.key"), data=text.encode()))


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(path("ca.pem"), path("tls.key"))
server.socket = context.wrap_socket(server.socket, server_side=True)
url = "https://127.0.0.1:%d" % server.server_address[1]
for name, changes in {"good": {}, "audience": {"aud": "other"}, "expired": {"exp": 1}, "domain": {"hd": "elsewhere"},
                      "unverified": {"email_verified": False}}.items():
    with open(path(name), "w") as file:
        file.write(token(**changes))
with open(path("url.new"), "w") as file:
    file.write(url)
os.rename(path("url.new"), path("url"))
server.serve_forever()
