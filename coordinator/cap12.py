"""What may a CAP 1.2 alert contain? The grammar of the OASIS standard, written down in our own words."""

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
SIGNATURES = "http://www.w3.org/2000/09/xmldsig#"

# Each vocabulary is closed and spelt exactly so; blanks around a word are not allowed.
VOCABULARY = {
    "status": ("Actual", "Exercise", "System", "Test", "Draft"),
    "msgType": ("Alert", "Update", "Cancel", "Ack", "Error"),
    "scope": ("Public", "Restricted", "Private"),
    "category": (
        *("Geo", "Met", "Safety", "Security", "Rescue", "Fire"),
        *("Health", "Env", "Transport", "Infra", "CBRNE", "Other"),
    ),
    "responseType": (
        *("Shelter", "Evacuate", "Prepare", "Execute", "Avoid"),
        *("Monitor", "Assess", "AllClear", "None"),
    ),
    "urgency": ("Immediate", "Expected", "Future", "Past", "Unknown"),
    "severity": ("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
    "certainty": ("Observed", "Likely", "Possible", "Unlikely", "Unknown"),
}

# Children in order; "?" at most one, "*" any number, "+" at least one, nothing exactly one.
# After the colon: the built-in kind of the value, a vocabulary's or a structure's name; plain text by default.
# After "=": what an empty element stands for.
STRUCTURE = {
    "alert": (
        *("identifier", "sender", "sent:moment", "status:status", "msgType:msgType", "source?", "scope:scope"),
        *("restriction?", "addresses?", "code*", "note?", "references?", "incidents?", "info*:info"),
    ),
    "info": (
        *("language?:language=en-US", "category+:category", "event", "responseType*:responseType", "urgency:urgency"),
        *("severity:severity", "certainty:certainty", "audience?", "eventCode*:pair"),
        *("effective?:moment", "onset?:moment", "expires?:moment", "senderName?", "headline?", "description?"),
        *("instruction?", "web?:anyURI", "contact?", "parameter*:pair", "resource*:resource", "area*:area"),
    ),
    "resource": ("resourceDesc", "mimeType", "size?:integer", "uri?:anyURI", "derefUri?", "digest?"),
    "area": ("areaDesc", "polygon*", "circle*", "geocode*:pair", "altitude?:decimal", "ceiling?:decimal"),
    "pair": ("valueName", "value"),
}
MOMENT = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[\-+]\d{2}:\d{2}"
OCCURS = {
    "?": ' minOccurs="0"',
    "*": ' minOccurs="0" maxOccurs="unbounded"',
    "+": ' maxOccurs="unbounded"',
}


def schema() -> str:
    """The grammar above as an XML Schema, with ``alert`` the only root."""
    kinds = "".join(_vocabulary(name, words) for name, words in VOCABULARY.items())
    shapes = "".join(_shape(name, children) for name, children in STRUCTURE.items())
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified"'
        f' xmlns="{NAMESPACE}" targetNamespace="{NAMESPACE}">'
        '<xs:simpleType name="moment"><xs:restriction base="xs:dateTime">'
        f'<xs:pattern value="{MOMENT}"/></xs:restriction></xs:simpleType>'
        f'{kinds}{shapes}<xs:element name="alert" type="alert"/></xs:schema>'
    )


def _vocabulary(name: str, words: tuple[str, ...]) -> str:
    choices = "".join(f'<xs:enumeration value="{word}"/>' for word in words)
    return f'<xs:simpleType name="{name}"><xs:restriction base="xs:string">{choices}</xs:restriction></xs:simpleType>'


def _shape(name: str, children: tuple[str, ...]) -> str:
    """A signature may follow the last child of an alert; nothing else foreign is let in."""
    signed = f'<xs:any namespace="{SIGNATURES}" processContents="lax"{OCCURS["*"]}/>' if name == "alert" else ""
    elements = "".join(_element(child) for child in children)
    return f'<xs:complexType name="{name}"><xs:sequence>{elements}{signed}</xs:sequence></xs:complexType>'


def _element(child: str) -> str:
    named, _, asked = child.partition(":")
    kind, _, default = asked.partition("=")
    name = named.rstrip("?*+")
    local = kind == "moment" or kind in VOCABULARY or kind in STRUCTURE
    of = kind if local else f"xs:{kind or 'string'}"
    fallback = f' default="{default}"' if default else ""
    return f'<xs:element name="{name}" type="{of}"{fallback}{OCCURS.get(named[-1], "")}/>'
