"""Scenes about networks and files: what is between both ends, and how it was captured."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.real import captures_network as network
from tests.real import certificates
from tests.real.captures_lab import PORT, Lab
from tests.real.captures_network import CLIENT, SERVER, SERVER6, Neighbor, Wire
from tests.real.captures_scenes import scene
from tests.real.process import Server
from tests.real.servers import FreeRdpShadow, Xrdp
from tests.real.xrdp import ONLY_TLS_1_2, ONLY_TLS_1_3


def _xrdp(lab: Lab) -> Xrdp:
    """One whose TLS 1.2 shows its certificate."""
    made = certificates.rsa(lab.work)
    lab.truth(selected="SSL", tls="TLSv1.2", certificate=made.sha256, status="rdp")
    return Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made)


def _discover(lab: Lab, at: Neighbor | None = None) -> None:
    lab.probe("--depth", "discover", "--json", "--cookie", "FROG", at=at)


def _over(lab: Lab, fault: network.Fault | None = None, **wire: object) -> Neighbor:
    """A client in another namespace, with a wire between."""
    network.ip("address", "del", f"{SERVER}/32", "dev", "lo")
    network.ip("address", "del", f"{CLIENT}/32", "dev", "lo")
    neighbor = lab.stack.enter_context(Neighbor())
    lab.stack.enter_context(Wire(neighbor, fault=fault, **wire))  # type: ignore[arg-type]
    return neighbor


@scene("wire-loss", "The wire loses the server's third segment with data; the capture is the server's, and shows both.")
def loss(lab: Lab) -> None:
    neighbor = _over(lab, network.of_server_data({3}, lambda _: []))
    lab.serve(_xrdp(lab))
    with lab.capturing(interface="near"):
        _discover(lab, neighbor)


@scene("wire-loss-at-client", "The same, captured at the client: a hole that is filled later.")
def loss_at_client(lab: Lab) -> None:
    neighbor = _over(lab, network.of_server_data({3}, lambda _: []))
    neighbor.run("ip", "link", "set", "far", "mtu", "576")
    lab.serve(_xrdp(lab))
    with lab.capturing(interface="far", at=neighbor):
        _discover(lab, neighbor)


@scene("wire-reordered", "Segments of the server overtake each other, captured at the client.")
def reordered(lab: Lab) -> None:
    neighbor = _over(lab, network.of_server_data({2, 4}, lambda frame: [(0.03, frame)]))
    neighbor.run("ip", "link", "set", "far", "mtu", "576")
    lab.serve(_xrdp(lab))
    with lab.capturing(interface="far", at=neighbor):
        _discover(lab, neighbor)


@scene("wire-duplicated", "Every segment of the server with data comes twice, captured at the client.")
def duplicated(lab: Lab) -> None:
    twice = network.of_server_data(set(range(1, 50)), lambda frame: [(0.0, frame), (0.002, frame)])
    neighbor = _over(lab, twice)
    lab.serve(_xrdp(lab))
    with lab.capturing(interface="far", at=neighbor):
        _discover(lab, neighbor)


@scene("vlan", "The copy of a switch's port, tagged for VLAN 42.")
def vlan(lab: Lab) -> None:
    neighbor = _over(lab, tags=(42,))
    lab.serve(_xrdp(lab))
    with lab.capturing(interface="mirror"):
        _discover(lab, neighbor)


@scene("qinq", "The copy of a provider's port, tagged twice.")
def qinq(lab: Lab) -> None:
    neighbor = _over(lab, tags=(100, 42))
    lab.serve(_xrdp(lab))
    with lab.capturing(interface="mirror"):
        _discover(lab, neighbor)


@scene("raw-ip", "A tunnel device: packets begin with IP.")
def raw_ip(lab: Lab) -> None:
    neighbor = _over(lab, ethernet=False)
    lab.serve(_xrdp(lab))
    with lab.capturing(interface="near"):
        _discover(lab, neighbor)


@scene("small-mtu", "Packets of 296 bytes: the certificate comes in a dozen segments.")
def small_mtu(lab: Lab) -> None:
    neighbor = _over(lab)
    neighbor.run("ip", "link", "set", "far", "mtu", "296")
    lab.serve(_xrdp(lab))
    with lab.capturing(interface="far", at=neighbor):
        _discover(lab, neighbor)


@scene("fragments", "A router cuts the server's packets to 300 bytes: IP fragments, captured at the client.")
def fragments(lab: Lab) -> None:
    network.ip("address", "del", f"{SERVER}/32", "dev", "lo")
    network.ip("address", "del", f"{CLIENT}/32", "dev", "lo")
    client = lab.stack.enter_context(network.routed(mtu=300))
    lab.serve(_xrdp(lab))
    with lab.capturing(interface="far", at=client):
        _discover(lab, client)


@scene("unreachable", "The router says that there is no way to the host: ICMP, captured at the client.")
def unreachable(lab: Lab) -> None:
    network.ip("address", "del", f"{SERVER}/32", "dev", "lo")
    network.ip("address", "del", f"{CLIENT}/32", "dev", "lo")
    client = lab.stack.enter_context(network.routed())
    with lab.capturing(interface="far", at=client):
        lab.probe("--depth", "discover", "--json", "--timeout", "1s", to="192.0.2.99", at=client)
    lab.truth(0, status="unreachable", codes=["TCP_UNREACHABLE"])


@scene("filtered", "The host is there as far as the network knows, and answers no SYN.")
def filtered(lab: Lab) -> None:
    _over(lab, lambda _to_server, _frame: [])
    network.ip("neigh", "add", CLIENT, "lladdr", "02:00:00:00:00:09", "dev", "near")
    with lab.capturing(interface="near"):
        lab.probe("--depth", "discover", "--json", "--timeout", "4s", to=CLIENT)
    lab.truth(0, status="filtered", codes=["TCP_TIMEOUT"])


@dataclass
class _Xrdp6(Xrdp):
    """xrdp that listens on IPv6."""

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        server = super().arrange(directory, (f"{{{endpoint[0]}}}", endpoint[1]), stack)
        server.stop()
        ini = directory / "xrdp.ini"
        ini.write_text(ini.read_text().replace("port=tcp://", "port=tcp6://"))
        return _Server6(server.argv, endpoint, directory, {})


class _Server6(Server):
    def listening(self) -> bool:
        rows = Path("/proc/net/tcp6").read_text("ascii").splitlines()[1:]
        return any(line.split()[1].endswith(f":{self.port:04X}") for line in rows)


def _over_ipv6(lab: Lab) -> Xrdp:
    made = certificates.rsa(lab.work)
    lab.truth(selected="SSL", tls="TLSv1.2", certificate=made.sha256, status="rdp", server=f"[{SERVER6}]:{PORT}")
    return _Xrdp6(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made)


@scene("ipv6", "Everything over IPv6.")
def ipv6(lab: Lab) -> None:
    lab.serve(_over_ipv6(lab), address=SERVER6)
    with lab.capturing():
        lab.probe("--depth", "discover", "--json", to=f"[{SERVER6}]")


@scene("linux-cooked-2", "Captured on all interfaces, in Linux's newer cooked form.")
def cooked_2(lab: Lab) -> None:
    lab.serve(_xrdp(lab))
    with lab.capturing("-y", "LINUX_SLL2", interface="any"):
        _discover(lab)


@scene("linux-cooked-1", "Captured on all interfaces, in Linux's older cooked form, over IPv6.")
def cooked_1(lab: Lab) -> None:
    lab.serve(_over_ipv6(lab), address=SERVER6)
    with lab.capturing("-y", "LINUX_SLL", interface="any"):
        lab.probe("--depth", "discover", "--json", to=f"[{SERVER6}]")


@scene("two-interfaces", "A pcapng with two interfaces of different link types: loopback, and all in cooked form.")
def two_interfaces(lab: Lab) -> None:
    neighbor = _over(lab, ethernet=False)
    lab.serve(_xrdp(lab))
    lab.listen_beside("127.0.0.1")
    with lab.capturing("-i", "lo", interface="near", suffix=".pcapng"):
        lab.probe("--depth", "discover", "--json", "--timeout", "1s", to="127.0.0.1")
        _discover(lab, neighbor)
    lab.truths[2] = lab.truths.pop(0)  # at 127.0.0.1 rdp-probe asks twice
    lab.truth(0, codes=["X224_CLOSED"])


@scene(
    "snaplen-96", "Packets were cut to 96 bytes when they were captured: the hello and the certificate are not there."
)
def snaplen(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made))
    with lab.capturing("-s", "96"):
        _discover(lab)
    lab.truth(selected="SSL", status="rdp", truncated=True, cookie=None, requested=None)


@scene("server-side-only", "Only what the server sent was captured.")
def server_side(lab: Lab) -> None:
    lab.serve(_xrdp(lab))
    with lab.capturing("-f", f"src host {SERVER}"):
        _discover(lab)
    lab.truth(one_sided="server")


@scene("client-side-only", "Only what the client sent was captured.")
def client_side(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2))
    with lab.capturing("-f", f"src host {CLIENT}"):
        lab.freerdp("/sec:tls", limit_s=2.0)
    lab.truth(requested=["SSL"], status="rdp", one_sided="client")


@scene("mid-stream", "A capture that begins when the request and its answer have passed: MCS of Standard RDP Security.")
def mid_stream(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="rdp"))
    with lab.capturing("-c", "26", name="whole"):
        lab.freerdp("/sec:rdp", limit_s=2.0)
    lab.edit("editcap", "-F", "pcap", "-r", str(lab.file), str(lab.result()), "7-40")
    lab.truth(client_name="FROG", level="HIGH", method="128BIT", status="rdp", requested=None, selected=None)


@scene("hole", "The program that captured lost a packet: bytes that were acknowledged are not in the file.")
def hole(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made))
    with lab.capturing(name="whole"):
        _discover(lab)
    lab.edit("editcap", "-F", "pcap", str(lab.file), str(lab.result()), "10")
    lab.truth(selected="SSL", status="rdp", gaps=True)


@scene("ends-early", "The capture was ended after ten packets: how the connection went on is not known.")
def ends_early(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls"))
    with lab.capturing("-c", "8"):
        _discover(lab)
    lab.truth(selected="SSL", status="rdp", ending="open")


@scene("file-cut", "A file whose last packet is not whole, as a full disk leaves it.")
def file_cut(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls"))
    with lab.capturing():
        _discover(lab)
    lab.file.write_bytes(lab.file.read_bytes()[:-21])
    lab.commands.append("the file's last 21 bytes are cut off")
    lab.truth(selected="SSL", status="rdp")


@scene("nanoseconds", "A pcap with nanoseconds.")
def nanoseconds(lab: Lab) -> None:
    lab.serve(_xrdp(lab))
    with lab.capturing(name="whole", suffix=".pcapng"):
        _discover(lab)
    lab.edit("editcap", "-F", "nsecpcap", str(lab.file), str(lab.result()))


@scene("compressed", "A pcap under gzip.")
def compressed(lab: Lab) -> None:
    lab.serve(_xrdp(lab))
    with lab.capturing(name="whole"):
        _discover(lab)
    plain = lab.file.read_bytes()
    lab.result(".pcap.gz").write_bytes(gzip.compress(plain, mtime=0))
    lab.commands.append("gzip")


@scene("two-sections", "Two pcapng files, one after the other in one: two sections, with an interface each.")
def two_sections(lab: Lab) -> None:
    lab.serve(_xrdp(lab))
    with lab.capturing(name="first", suffix=".pcapng"):
        _discover(lab)
    first = lab.file.read_bytes()
    with lab.capturing(name="second", suffix=".pcapng"):
        _discover(lab)
    second = lab.file.read_bytes()
    lab.result(".pcapng").write_bytes(first + second)
    lab.commands.append("cat first.pcapng second.pcapng")
    lab.truths[1] = dict(lab.truths[0])


@scene("secrets-inside", "A pcapng that has the secrets of its TLS 1.3 in it.")
def secrets_inside(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_3, certificate=made, channels=True))
    with lab.capturing("-c", "26", name="whole", suffix=".pcapng"):
        lab.freerdp("/sec:tls", keys=True, limit_s=2.0)
    secrets = lab.out / f"{lab.name}.keys"
    lab.edit("editcap", "--inject-secrets", f"tls,{secrets}", str(lab.file), str(lab.result(".pcapng")))
    secrets.unlink()
    lab.truth(
        requested=["SSL"], selected="SSL", tls="TLSv1.3", certificate=made.sha256, status="rdp", client_name="FROG"
    )


@scene("tls12-with-keys", "xrdp with TLS 1.2 and xfreerdp, with the key log beside it: MCS can be read.")
def tls12_keys(lab: Lab) -> None:
    made = certificates.ecdsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made, channels=True))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:tls", keys=True, limit_s=2.0)
    lab.truth(requested=["SSL"], selected="SSL", tls="TLSv1.2", certificate=made.sha256, status="rdp")
    lab.truth(client_name="FROG", decrypted=True)


@scene("nla-tls12-with-keys", "xfreerdp kept to TLS 1.2 begins CredSSP as a made-up user; with the key log.")
def nla_12(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(FreeRdpShadow("/sec:nla", certificate=made, display=lab.display()))
    with lab.capturing():
        lab.freerdp("/sec:nla", "+enforce-tlsv1_2", keys=True)
    lab.truth(selected="HYBRID", tls="TLSv1.2", certificate=made.sha256, status="rdp", decrypted=True)
    lab.truth(user="probe", domain="CORP")


@scene("probe-nla-with-keys", "rdp-probe up to the NTLM challenge, with its own key log.")
def probe_nla(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(FreeRdpShadow("/sec:nla", certificate=made, display=lab.display()))
    keys = lab.out / f"{lab.name}.keys"
    keys.unlink(missing_ok=True)
    with lab.capturing():
        lab.probe("--depth", "discover", "--json", "--keylog-out", str(keys))
    lab.truth(selected="HYBRID", certificate=made.sha256, status="rdp", decrypted=True)


@scene(
    "tls13-with-keys", "xrdp with TLS 1.3 and xfreerdp, with the key log beside it: certificate and MCS can be read."
)
def tls13_keys(lab: Lab) -> None:
    made = certificates.ecdsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_3, certificate=made, channels=True))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:tls", keys=True, limit_s=2.0)
    lab.truth(requested=["SSL"], selected="SSL", tls="TLSv1.3", certificate=made.sha256, status="rdp")
    lab.truth(client_name="FROG", decrypted=True)
