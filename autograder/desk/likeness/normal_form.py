"""The normal form of an answer: what is left when spaces, spelling of formulas and marks are gone.

    >>> normal_form(r"**Answer:** $M = \\mathbf{B} B^{\\top}$.")
    'M = B B ⊤'
    >>> normal_form("M = BBᵀ")
    'M = B B ⊤'

LaTeX, Unicode and what one types on a keyboard become the same tokens: `\\beta`, `β` and `beta`;
`B^\\top`, `B^T` and `B'`; `k_{b}` and `k_b`; `\\frac{1}{2}` and `1/2`. Words are in small letters;
a letter alone keeps its case, since B and b are different things.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

LONGEST = 20_000  # characters that are read as formulas; what follows is compared as it is
TRANSPOSED = "⊤"

# Superscripts and subscripts, which Unicode's own normal form would write on the line.
RAISED = {"²": "^2", "³": "^3", "¹": "^1", "⁰": "^0", "ⁿ": "^n", "ᵀ": "^T", "⁻": "^-", "ᵢ": "_i",
          "ⱼ": "_j", "½": "1/2", "¼": "1/4", "¾": "3/4", "\u00a0": " ",
          **{digit: f"_{number}" for number, digit in enumerate("₀₁₂₃₄₅₆₇₈₉")}}
RAISE = str.maketrans(RAISED)

# One name for each symbol, whichever way it is written.
GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon",
         "ζ": "zeta", "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu",
         "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi",
         "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Λ": "Lambda", "Σ": "sum",
         "Φ": "Phi", "Π": "prod", "∑": "sum", "∏": "prod"}
SIGNS = {"->": "→", "\\to": "→", "\\rightarrow": "→", "\\longrightarrow": "→", "\\mapsto": "→",
         "=>": "⇒", "\\Rightarrow": "⇒", "\\implies": "⇒", ">=": "≥", "\\geq": "≥", "\\ge": "≥",
         "\\geqslant": "≥", "<=": "≤", "\\leq": "≤", "\\le": "≤", "!=": "≠", "\\neq": "≠",
         "\\ne": "≠", ">>": "≫", "\\gg": "≫", "<<": "≪", "\\ll": "≪", "~=": "≈", "\\approx": "≈",
         "\\simeq": "≈", "≃": "≈", "\\sim": "~", "\\in": "∈", "\\infty": "∞", "\\times": "×",
         "\\|": "|", "‖": "|", "\\Vert": "|", "\\vert": "|", "\\lVert": "|", "\\rVert": "|",
         "\\%": "%", "\\_": "_", "\\{": "{", "\\}": "}", "\\&": "&", "\\#": "#", "−": "-",
         "–": "-", "—": "-", "⁄": "/", "\\varepsilon": "epsilon", "\\varphi": "phi",
         "\\lbrace": "{", "\\rbrace": "}", "∥": "|", "⟶": "→", "\\ldots": "…", "\\dots": "…",
         "\\cdots": "…", "...": "…", "\\partial": "∂", "\\langle": "<", "\\rangle": ">"}
# Commands that change how something looks, and signs that only set apart.
LOOKS = {"left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "mathbf", "mathrm",
         "mathbb", "mathcal", "mathit", "mathsf", "boldsymbol", "bm", "vec", "text",
         "textbf", "textit", "operatorname", "displaystyle", "textstyle", "quad", "qquad", "cdot",
         "limits", "begin", "end", "aligned", "align", "underbrace", "overbrace", "mathop"}
FRACTIONS = {"\\frac", "\\tfrac", "\\dfrac"}
TOPS = {"T", "top", "intercal", TRANSPOSED, "⊺"}
LETTERS = {*GREEK.values(), *map(str.capitalize, GREEK.values())}
NAMES = {*LETTERS, "exp", "log", "ln", "max", "min", "sum", "sqrt", "inf", "eps", "dim"}
ALSO = {"inf": "∞", "eps": "epsilon", "infinity": "∞"}

TOKEN = re.compile(r"""
    \\[a-zA-Z]+ | \\\S               # a command of LaTeX
  | \d+(?:[.,]\d+)*                 # a number
  | [^\W\d_]+(?:['’][^\W\d_]{2,})?  # a word, "doesn't" is one, "B'" is not
  | ->|=>|<=|>=|!=|~=|>>|<<|\.\.\.
  | \S
""", re.VERBOSE | re.DOTALL)
# A list's sign, a heading's, a quotation's; at the start of a formula's line it is a sign of that.
LINE_START = re.compile(
    r"(\$\$.{0,3000}?\$\$|\\\[.{0,3000}?\\\]|\\begin\{.{0,3000}?\\end\{)"
    r"|^[ \t]*(?:[-*+•]|\#{1,6}|>(?!=))[ \t]+", re.MULTILINE | re.DOTALL)
PREFIX = re.compile(r"^\W{0,5}(?:our |my )?(?:answer|solution|antwort|lösung|ans)"
                    r"\W{0,5}[:.]\W{0,5}?(?=[\w$(\\])", re.IGNORECASE)
SILENT = set("\\$`*.,;:!?\"'’‘“”„«»&") | {"\\(", "\\)", "\\[", "\\]", "\\,", "\\;", "\\!", "\\ ",
                                       "\\:", "\\\\", "\\>", "·", "⋅", "∙", "\u200b", "\ufeff"}


def normal_form(text: str) -> str:
    """The answer's tokens with a space between two; two answers are the same where theirs are."""
    return " ".join([*tokens(text), *text[LONGEST:].split()])


def tokens(text: str) -> list[str]:
    """The tokens of the first LONGEST characters of an answer."""
    plain = text[:LONGEST].translate(RAISE)
    plain = LINE_START.sub(lambda found: found[1] or "", plain)
    plain = unicodedata.normalize("NFKC", plain).translate(RAISE)
    reader = _Reader()
    for found in TOKEN.finditer(PREFIX.sub("", plain, count=1)):
        reader.read(found[0], touches=found.start() == reader.end)
        reader.end = found.end()
    return _without_needless_parentheses(reader.out)


def is_formula(token: str) -> bool:
    """Whether a token is part of a formula rather than a word."""
    return len(token) == 1 or not token.isalpha() or token in NAMES


@dataclass
class _Reader:
    """Reads tokens from left to right; `out` is the normal form so far."""

    out: list[str] = field(default_factory=list)
    end: int = 0  # where the token before ended
    groups: list[tuple[str, int]] = field(default_factory=list)  # open braces: what for, from where
    waits: str = ""  # what the next token or group is: "^", "_", or a part of a fraction

    def read(self, token: str, touches: bool) -> None:
        """Take one more token; `touches` says that no space stands before it."""
        if token == "{":
            self.groups.append((self.waits, len(self.out)))
            self.waits = ""
        elif token == "}":
            if self.groups:
                self._close(*self.groups.pop())
        elif token in FRACTIONS:
            self.waits = "over"
        elif token == "^" or (token == "_" and touches and self.out):
            self.waits = token
        elif token == "'" and touches and self.out and _is_symbol(self.out[-1]):
            self.out.append(TRANSPOSED)
        elif token not in SILENT:
            for part in self._parts(token):
                at = len(self.out)
                self.out.append(part)
                waited, self.waits = self.waits, ""
                if waited:
                    self._close(waited, at)

    def _parts(self, token: str) -> list[str]:
        """A token by its one name, or cut into letters or digits that stand for themselves."""
        token = SIGNS.get(token, token)
        name = (token[1:] if token.startswith("\\") else "") or token
        if token.startswith("\\") and name in LOOKS:
            return []
        if self.waits in ("over", "under") and name.isdigit():
            return list(name)
        if name.isdigit() or not name[0].isalnum():
            return [name]
        if not name.isalpha():
            return [name.replace(",", ".") if name[0].isdigit() else name.casefold()]
        if name in GREEK or (token.startswith("\\") and name in LETTERS):
            return [GREEK.get(name, name)]  # \Sigma and \sigma are two things
        name = ALSO.get(name, name)
        if len(name) == 1 or name in TOPS:
            return [name]
        if (name.isupper() and len(name) == 2) or (self.waits == "^" and _letters(name)):
            return list(name)
        return [name.casefold()]

    def _close(self, waited: str, start: int) -> None:
        """Join what was read since `start` to what stands before, as `waited` says."""
        inner = self.out[start:]
        if waited == "_" and inner and start:
            self.out[start - 1:] = [f"{self.out[start - 1]}_{''.join(inner)}"]
        elif waited == "^":
            raised = [TRANSPOSED] if len(inner) == 1 and inner[0] in TOPS else ["^", *_one(inner)]
            self.out[start:] = raised if inner else []
        elif waited == "over":
            self.out[start:] = [*_one(inner), "/"]
            self.waits = "under"
        elif waited == "under":
            self.out[start:] = _one(inner)


def _without_needless_parentheses(found: list[str]) -> list[str]:
    """`(a)/b` as `a/b`: LaTeX's fractions need none, and what is typed has them."""
    kept: list[str] = []
    for token in found:
        kept.append(token)
        if token == "/" and kept[-4:-3] == ["("] and kept[-2] == ")":
            kept[-4:] = [kept[-3], "/"]
        elif token == ")" and kept[-4:-2] == ["/", "("]:
            kept[-3:] = [kept[-2]]
    return kept


def _one(inner: list[str]) -> list[str]:
    """A part of a formula as one thing: in parentheses unless it is a single token."""
    return inner if len(inner) == 1 or inner[:1] == ["("] else ["(", *inner, ")"]


def _is_symbol(token: str) -> bool:
    return (len(token) == 1 and token.isalpha()) or "_" in token


def _letters(name: str) -> bool:
    return len(name) <= 3 and name.casefold() not in NAMES
