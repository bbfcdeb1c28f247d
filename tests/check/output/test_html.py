"""The page and its equations: whole, inert whatever a learner wrote, and mathematics as MathML."""

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from unrolled.check.output.html import fragment, to_html
from unrolled.check.output.mathml import to_mathml


class Page(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.open = [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "mspace"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_says_what_the_terminal_says(mixed, right):
    page = Page(to_html([mixed, right]))
    assert page.open == []
    for part in (
        "2 files: 1 all correct, 1 with something wrong",
        "Equation (10): your dft multiplies by c_next where c_prev belongs",
        "dft = dc * c_next * ft * (1 - ft)",
        "crashed: NameError: name 'dz'",
        "this cell does not parse",
        "correct: returns (y_pred, a, caches)",
        "your LSTM.step_back",
        "Wrong: dWf, dbf, dxt, da_prev; right: dWi, dbi",
    ):
        assert part in page.text
    assert sum(tag == "math" for tag, _ in page.elements) == 2


def test_the_page_needs_nothing_from_elsewhere_and_allows_no_script(mixed):
    page = Page(to_html([mixed]))
    names = {name for _, attributes in page.elements for name in attributes}
    assert names.isdisjoint({"src", "href", "style"})
    assert "default-src 'none'" in str(page.elements)
    assert "url(" not in to_html([mixed])


def test_nothing_that_a_learner_writes_becomes_an_element_or_an_attribute(hostile, mixed):
    harmless = {(tag, *sorted(attributes)) for tag, attributes in Page(to_html([mixed])).elements}
    page = Page(to_html([hostile]))
    assert {(tag, *sorted(attributes)) for tag, attributes in page.elements} <= harmless | {
        ("mtext",),
        ("msub",),
        ("mspace", "width"),
    }
    assert page.text.count("<script>alert(1)</script>") >= 7
    assert Page(fragment(hostile)).open == []


def inner(text):
    """The MathML of `text` without its outermost element and with plain words for what repeats."""
    markup = to_mathml(text)
    ElementTree.fromstring(markup)  # it is well formed
    for index, tags in (("{t}", "<mi>t</mi>"), ("{t-1}", "<mi>t</mi><mo>\N{MINUS SIGN}</mo><mn>1</mn>")):
        markup = markup.replace(f"<mrow><mo>⟨</mo>{tags}<mo>⟩</mo></mrow>", index)
    markup = markup.replace('<mspace width="0.2em"/>', "~")
    return markup.removeprefix("<math>").removesuffix("</math>")


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("a<t-1>", "<msup><mi>a</mi>{t-1}</msup>"),
        ("c_prev", "<msup><mi>c</mi>{t-1}</msup>"),
        ("a^<t>", "<msup><mi>a</mi>{t}</msup>"),
        ("xt", "<msup><mi>x</mi>{t}</msup>"),
        ("Wf", "<msub><mi>W</mi><mi>f</mi></msub>"),
        ("dba", "<mrow><mi>d</mi><msub><mi>b</mi><mi>a</mi></msub></mrow>"),
        ("dc<t-1>", "<mrow><mi>d</mi><msup><mi>c</mi>{t-1}</msup></mrow>"),
        ("a_next<t>", "<msup><msub><mi>a</mi><mtext>next</mtext></msub>{t}</msup>"),
        ("da_prev<t-1>", "<mrow><mi>d</mi><msup><msub><mi>a</mi><mtext>prev</mtext></msub>{t-1}</msup></mrow>"),
        ("a_next^2", "<msup><mrow><mo>(</mo><msup><mi>a</mi>{t}</msup><mo>)</mo></mrow><mn>2</mn></msup>"),
        ("sum of all entries of z", "<munder><mo>∑</mo><mtext>entries</mtext></munder>~<mi>z</mi>"),
        ("tanh'", '<msup><mi mathvariant="normal">tanh</mi><mo>&#x2032;</mo></msup>'),
        ("x''", "<msup><mi>x</mi><mo>&#x2032;&#x2032;</mo></msup>"),
        ("x**2", "<msup><mi>x</mi><mn>2</mn></msup>"),
        ("x^(k + 1)", "<msup><mi>x</mi><mrow><mi>k</mi><mo>+</mo><mn>1</mn></mrow></msup>"),
        ("Wf^T @ a", "<msup><msub><mi>W</mi><mi>f</mi></msub><mi>T</mi></msup>~<mi>a</mi>"),
        ("Wf.T", "<msup><msub><mi>W</mi><mi>f</mi></msub><mi>T</mi></msup>"),
        ("a * b", "<mi>a</mi><mo>*</mo><mi>b</mi>"),
        ("1 - x", "<mn>1</mn><mo>\N{MINUS SIGN}</mo><mi>x</mi>"),
        ("sum over batch of z", "<munder><mo>∑</mo><mtext>batch</mtext></munder>~<mi>z</mi>"),
        (
            "mean over the batch of z",
            "<munder><mi>mean</mi><mtext>batch</mtext></munder>~<mi>z</mi>",
        ),
        ("sum_t z", "<munder><mo>∑</mo><mi>t</mi></munder>~<mi>z</mi>"),
        ("np.sum(z)", "<mo>∑</mo><mrow><mo>(</mo><mi>z</mi><mo>)</mo></mrow>"),
        ("sqrt(s) + e", "<msqrt><mi>s</mi></msqrt><mo>+</mo><mi>e</mi>"),
        ("[a; x]", "<mrow><mo>[</mo><mi>a</mi><mo>;</mo><mi>x</mi><mo>]</mo></mrow>"),
        ("c~<t>", "<msup><mi>c̃</mi>{t}</msup>"),
        ("s_corrected", "<msub><mi>s</mi><mtext>corrected</mtext></msub>"),
        ("learning_rate", "<mi>learning_rate</mi>"),
        ("1e-8", "<mn>1e-8</mn>"),
        ("a < b", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
        ("(a", "<mrow><mo>(</mo><mi>a</mi></mrow>"),
        ("a)", "<mi>a</mi><mo>)</mo>"),
        ("sqrt(", "<msqrt></msqrt>"),
        ("a ^", "<mi>a</mi><mtext>^</mtext>"),
        ("", ""),
        ("$&", "<mtext>$</mtext><mtext>&amp;</mtext>"),
    ],
)
def test_plain_text_becomes_mathematics(text, markup):
    assert inner(text) == markup
