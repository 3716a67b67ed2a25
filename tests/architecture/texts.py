"""Every text a person is shown can be translated: rules over Python source and over templates."""

import ast
import re

SHOWN_KEYWORDS = frozenset(
    {"verbose_name", "verbose_name_plural", "help_text", "label", "short_description", "violation_error_message"}
)
# Calls whose texts are for developers: the API's documentation and the registries.
DEVELOPER_CALLS = frozenset(
    {"EventKind", "PeriodicJob", "extend_schema", "OpenApiParameter", "OpenApiExample", "Check"}
)
MESSAGE_CALLS = frozenset({"success", "error", "warning", "info", "message_user"})
SHOWN_ATTRIBUTES = ("title", "placeholder", "alt", "aria-label")


def untranslated_source(name: str, text: str, refusals: frozenset[str]) -> list[str]:
    """String literals that reach a person without gettext; ``refusals`` names the DomainError classes."""
    if any(part in name for part in ("/management/commands/", "/devtools/", "/settings/", "/migrations/")):
        return []
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            found += _call(name, node)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            function = node.exc.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if called in refusals and node.exc.args and _is_words(node.exc.args[0]):
                found.append(f"{name}:{node.lineno} raises {called} with a bare text")
    return found


def _call(name: str, node: ast.Call) -> list[str]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in DEVELOPER_CALLS:
        return []
    found = [
        f"{name}:{node.lineno} {keyword.arg}= is a bare text"
        for keyword in node.keywords
        if keyword.arg in SHOWN_KEYWORDS and _is_words(keyword.value)
    ]
    if called in MESSAGE_CALLS and "message" in ast.unparse(node.func) and any(_is_words(arg) for arg in node.args):
        found.append(f"{name}:{node.lineno} shows a bare message")
    if called in {"action", "display"}:
        found += [
            f"{name}:{node.lineno} description= is a bare text"
            for keyword in node.keywords
            if keyword.arg == "description" and _is_words(keyword.value)
        ]
    return found


def _is_words(node: ast.expr) -> bool:
    """A literal (also an f-string) with at least one word of two letters."""
    if isinstance(node, ast.JoinedStr):
        return any(_is_words(part) for part in node.values)
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(re.search(r"[A-Za-z]{2}", node.value))
    )


_BLOCK = re.compile(r"{%-?\s*blocktrans(?:late)?\b.*?{%-?\s*endblocktrans(?:late)?\s*%}", re.S)
_COMMENT = re.compile(r"{%\s*comment\b.*?{%\s*endcomment\s*%}|{#.*?#}|<!--.*?-->", re.S)
_CODE = re.compile(r"<(script|style|svg|code|pre)\b.*?</\1>", re.S | re.I)
_CLASS_BLOCK = re.compile(r"{%\s*block\s+\w*class\w*\s*%}.*?{%\s*endblock[^%]*%}", re.S)
_TAG = re.compile(r"{%.*?%}|{{.*?}}", re.S)
_ICON = re.compile(r"<span[^>]*material-symbols[^>]*>[^<]*</span>", re.S)
_MARKUP = re.compile(r"<[^>]*>", re.S)


def untranslated_template(name: str, text: str) -> list[str]:
    """Words between tags, or in attributes a person sees, that no ``translate`` surrounds."""
    rest = text
    for pattern in (_COMMENT, _BLOCK, _CODE, _ICON, _CLASS_BLOCK):
        rest = pattern.sub(" ", rest)
    rest = _TAG.sub(" ", rest)
    found = [
        f"{name}: {attribute}={value!r}"
        for attribute in SHOWN_ATTRIBUTES
        for value in re.findall(rf'\s{attribute}="([^"]*[A-Za-z]{{2}}[^"]*)"', rest)
    ]
    words = _MARKUP.sub("\n", rest)
    # Names and units are the same in every language.
    words = re.sub(r"&[a-z]+;|\b(HashInsight|UTC|CSV|XLSX|PDF|PH/s|kW|kWh|BTC|J/TH)\b", " ", words)
    found += [f"{name}: {line.strip()!r}" for line in words.splitlines() if re.search(r"[A-Za-z]{2}", line)]
    return found
