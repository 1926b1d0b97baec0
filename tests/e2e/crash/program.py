"""A little of every kind: what the crash test makes."""

from pulumi import ResourceOptions
from pulumi_openstack import compute, loadbalancer, networking

network = networking.Network("network", name="crash")
subnet = networking.Subnet("subnet", network_id=network.id, cidr="192.168.77.0/24")
public = networking.get_network_output(name="public", external=True)
router = networking.Router("router", external_network_id=public.id)
interface = networking.RouterInterface("interface", router_id=router.id, subnet_id=subnet.id)
group = networking.SecGroup("group", description="crash")
networking.SecGroupRule(
    "rule",
    security_group_id=group.id,
    direction="ingress",
    ethertype="IPv4",
    protocol="tcp",
    port_range_min=80,
    port_range_max=80,
    remote_ip_prefix="192.168.77.0/24",
)
port = networking.Port(
    "port",
    network_id=network.id,
    fixed_ips=[{"subnet_id": subnet.id}],
    security_group_ids=[group.id],
)
compute.Instance(
    "server",
    image_name="debian-13",
    flavor_name="m1.small",
    networks=[{"port": port.id}],
    opts=ResourceOptions(depends_on=[interface]),
)
address = networking.FloatingIp("address", pool="public")
networking.FloatingIpAssociate(
    "associate",
    floating_ip=address.address,
    port_id=port.id,
    opts=ResourceOptions(depends_on=[interface]),
)
balancer = loadbalancer.LoadBalancer(
    "balancer", vip_subnet_id=subnet.id, loadbalancer_provider="ovn"
)
listener = loadbalancer.Listener(
    "listener", loadbalancer_id=balancer.id, protocol="TCP", protocol_port=80
)
pool = loadbalancer.Pool(
    "pool", listener_id=listener.id, protocol="TCP", lb_method="SOURCE_IP_PORT"
)
member = loadbalancer.Member(
    "member", pool_id=pool.id, address="192.168.77.9", protocol_port=80, subnet_id=subnet.id
)
loadbalancer.Monitor(
    "monitor",
    pool_id=pool.id,
    type="TCP",
    delay=5,
    timeout=4,
    max_retries=2,
    opts=ResourceOptions(depends_on=[member]),
)
