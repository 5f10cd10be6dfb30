#!/usr/bin/env python3
"""presign.py CLUSTER [SECONDS]: the token that `aws eks get-token` made SECONDS ago (default 0), from the environment's credentials."""
import base64, datetime, hashlib, hmac, os, sys
from urllib.parse import quote, urlsplit

cluster, age = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
region = os.environ.get("AWS_REGION") or os.environ["AWS_DEFAULT_REGION"]
base = os.environ.get("AWS_ENDPOINT_URL", f"https://sts.{region}.amazonaws.com").rstrip("/")
when = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age)
date, stamp = when.strftime("%Y%m%d"), when.strftime("%Y%m%dT%H%M%SZ")
scope = f"{date}/{region}/sts/aws4_request"
query = {
    "Action": "GetCallerIdentity", "Version": "2011-06-15", "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": f"{key}/{scope}", "X-Amz-Date": stamp, "X-Amz-Expires": "60", "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
}
if os.environ.get("AWS_SESSION_TOKEN"):
    query["X-Amz-Security-Token"] = os.environ["AWS_SESSION_TOKEN"]
text = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(query.items()))
canonical = f"GET\n/\n{text}\nhost:{urlsplit(base).netloc}\nx-k8s-aws-id:{cluster}\n\nhost;x-k8s-aws-id\n{hashlib.sha256(b'').hexdigest()}"
to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
signing = ("AWS4" + secret).encode()
for part in (date, region, "sts", "aws4_request"):
    signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
url = f"{base}/?{text}&X-Amz-Signature={hmac.new(signing, to_sign.encode(), hashlib.sha256).hexdigest()}"
print("k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("="))
