"""A certificate authority, a server that it vouches for, and a password."""

import pulumi
import pulumi_random as random
import pulumi_tls as tls

names = pulumi.Config().require_object("names")

ca_key = tls.PrivateKey("ca", algorithm="ECDSA", ecdsa_curve="P256")
ca = tls.SelfSignedCert(
    "ca",
    private_key_pem=ca_key.private_key_pem,
    subject={"common_name": "test CA"},
    is_ca_certificate=True,
    validity_period_hours=48,
    early_renewal_hours=1,
    allowed_uses=["cert_signing", "digital_signature"],
)
server_key = tls.PrivateKey("server", algorithm="RSA", rsa_bits=2048)
request = tls.CertRequest(
    "server",
    private_key_pem=server_key.private_key_pem,
    subject={"common_name": names[0]},
    dns_names=names,
)
server = tls.LocallySignedCert(
    "server",
    cert_request_pem=request.cert_request_pem,
    ca_cert_pem=ca.cert_pem,
    ca_private_key_pem=ca_key.private_key_pem,
    validity_period_hours=24,
    allowed_uses=["digital_signature", "server_auth"],
)
password = random.RandomPassword("password", length=24)
token = random.RandomBytes("token", length=16)
random.RandomPet("pet", keepers={"server": server.cert_pem})
public = tls.get_public_key_output(private_key_pem=server_key.private_key_pem)

pulumi.export("ca", ca.cert_pem)
pulumi.export("server", server.cert_pem)
pulumi.export("key", server_key.private_key_pem)
pulumi.export("password", password.result)
pulumi.export("token", token.hex)
pulumi.export("same", pulumi.Output.all(public.public_key_pem, server_key.public_key_pem))
