"""Numbers and names of RDP that profiles are written and compared with; `wire` has the same."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304

# requestedProtocols, [MS-RDPBCGR] 2.2.1.1.1
PROTOCOLS: Mapping[str, int] = MappingProxyType(
    {"SSL": 0x01, "HYBRID": 0x02, "RDSTLS": 0x04, "HYBRID_EX": 0x08, "RDSAAD": 0x10}
)
# encryptionMethods, [MS-RDPBCGR] 2.2.1.3.3
METHODS: Mapping[str, int] = MappingProxyType({"40BIT": 0x01, "128BIT": 0x02, "56BIT": 0x08, "FIPS": 0x10})
# Errors of a TSRequest by which a server says that it takes no NTLM.
NTLM_REFUSALS = frozenset({"STATUS_NTLM_BLOCKED", "STATUS_NOT_SUPPORTED", "SEC_E_UNSUPPORTED_FUNCTION"})
