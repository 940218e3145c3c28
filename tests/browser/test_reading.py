"""Pages as Chromium reads them: which text lies in a <p>, where words end, and what bytes say."""

import random
import re
from collections.abc import Iterator

import pytest
import webencodings.labels
from playwright.sync_api import Browser, Page

from workers.decoders import CODECS, REPLACEMENT, decode
from workers.jobs.words import count_page

# what is seen in each <p> that lies in no other; Chromium gives the text itself of a <p> that is hidden
SEEN = """() => [...document.querySelectorAll('p')].filter(p => !p.parentElement.closest('p'))
  .flatMap(p => p.innerText.split(/\\s+/)).filter(word => word)"""
# a random page is not laid out as a sane one is: which words lie in a <p>, wherever they end
WITHIN = """() => [...document.querySelectorAll('p')].filter(p => !p.parentElement.closest('p')).flatMap(p => {
  const copy = p.cloneNode(true)
  copy.querySelectorAll('title, textarea, script, style').forEach(hidden => hidden.remove())
  return copy.textContent.match(/w\\d+/g) || [] })"""
DECODED = (
    """([label, all]) => all.map(bytes => new TextDecoder(label, {ignoreBOM: true}).decode(new Uint8Array(bytes)))"""
)

PAGES = [
    "<p>a<br>c",
    "<p>a</br>b",
    "<p>a<wbr>c",
    "<p>un<b>believ</b>able</p>x",
    "<p>a<p>b</p>c</p>d",
    "<p>a</ p>b</p>c</>d",
    "<p>a<p/>b",
    "<p>a<font color=1>b<p>c<font color=2>d<p>e",
    "<font color=1><p>a<font color=2><p>b",
    "<a><p>x<a>y</a>z</p></a>",
    "<p>a<b>b<p>c</b>d",
    "<p>a<nobr>b<nobr>c",
    "<p>a<li>b",
    "<ul><li><p>a<li>b<p>c</ul>d",
    "<dl><dt><p>a<dd>b<p>c</dl>",
    "<p>a<h1>b</h1>c<p>d<h2>e",
    "<p>a<form>b</form>c",
    "<form><p>a<b>b</b></form>c",
    "<form><p>a<b>b</form>c",
    "<p>a<button>b</button>c",
    "<p>a<button>b<div>c</div>d</button>e",
    "<p>a<button><p>b</button>c",
    "<p>a<object>b<div>c</object>d",
    "<p>a<select><option>b<option>c</select>d",
    "<p>ab<table><tr><td>cd<td>ef</table>gh",
    "<!doctype html><p>ab<table>cd<tr><td>ef</table>gh",
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "x"><p>a<table><td>b</table>',
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN"><p>a<table><td>b</table>c',
    "<table><p>a<td>b<p>c</table>d",
    "<p>a<svg><p>b</svg>c",
    "<p>a<svg><title>b</title><path d=x/></svg>c",
    "<svg><foreignObject><p>a</foreignObject><p>b</svg>c",
    "<p>a<style>b</style>c<script>d</script>e",
    "<p>a<script>x<!-- <script> </script> y --></script>b",
    "<p>a<textarea>b c</textarea>d",
    "<p>a<noscript>b</noscript>c",
    "<p>a<iframe>b</iframe>c",
    "<p>a<video>b</video>c<canvas>d</canvas>e",
    "<p>a<ruby>b<rp>(<rt>c<rp>)</ruby>d",
    "<p>a<template><p>b</template>c",
    "<p>one<video src=x><p>two",
    "<p>a <video></b>x y</video> z",
    "<p>a<b>b<video>x</b>c",
    "<p><span>a<p>b<video></span>x</video>c",
    "<p><b>a<p>b<video>x</b>c",
    "<p><span>a<video>x<object></span>x</object>x</span>b",
    "<p><a><meter>x<a>d",
    "<p>un<td>believ<tbody>able<caption>",
    "<p>un</legend>believ</option>able",
    "<form><p>un<form>believ",
    "<p>a<legend>b</legend>c<option>d</option>e",
    "<p>a<button><xmp>b <b>c</xmp></button>d",
    "<p>a<button><plaintext>b <b>c",
    "<p>a<!-- x --!>b<!-->c<!--->d<!--e",
    "<p>a<![CDATA[b]]>c<?php echo ?>d<!x>e",
    "<p>a<img src='x>y' alt=\">\">b<b title='>'>c</b>",
    "<p>x <3 y < z <a",
    "<p>x&ampy &notit; &#x80; &#0; &#xD800; &#1114112; &eacute &lt &AMP; &hellip;z &bogus; & &; &#; &#x;",
    "<p>a&#" + "0" * 5000 + "65;&#" + "9" * 5000 + ";b",
    "<p>a\0b&shy;c\u00a0d\u3000e\u200bf",
    "<p>a</body>b</html>c",
    "x<frameset>y<p>z",
    "<frameset><p>z</frameset>",
]
TAGS = (
    "p div span b i a font button table tr td th tbody caption ul li ol dl dt dd form h1 h2 section object marquee "
    "svg mi foreignObject select option br hr img pre center em nobr math"
).split()
ODD = [
    "<!--x-->",
    "<p a='>'>",
    "<script>x</script>",
    "<style>",
    "</style>",
    "<svg/>",
    "<path d=x/>",
    "<P\n>",
    "</p x>",
    "<",
]


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def words(html: str) -> list[str]:
    return sorted(word for word, count in count_page(html)["top"] for _ in range(count))


def test_the_words_of_a_page_are_those_that_a_browser_shows(tab: Page) -> None:
    differ = {}
    for html in PAGES:
        tab.set_content(html)
        if (seen := sorted(tab.evaluate(SEEN))) != (counted := words(html)):
            differ[html] = (seen, counted)
    assert differ == {}


def test_a_paragraph_ends_where_it_does_in_a_browser(tab: Page) -> None:
    pick = random.Random(5)
    differ = {}
    for _ in range(150):
        html = pick.choice(["<!doctype html>", ""]) + "<p>"
        for number in range(pick.randint(3, 14)):
            kind = pick.choice([*["word"] * 4, *["start"] * 4, *["end"] * 3, "odd"])
            tag = pick.choice(TAGS)
            html += {"word": f"w{number} ", "start": f"<{tag}>", "end": f"</{tag}>", "odd": pick.choice(ODD)}[kind]
        tab.set_content(html)
        if (seen := sorted(tab.evaluate(WITHIN))) != (counted := sorted(re.findall(r"w\d+", " ".join(words(html))))):
            differ[html] = (seen, counted)
    assert differ == {}


def test_labels_stand_for_what_browsers_have_them_stand_for(tab: Page) -> None:
    ours = webencodings.labels.LABELS
    named = tab.evaluate(
        "labels => labels.map(label => [label, new TextDecoder(label).encoding])",
        [label for label, name in ours.items() if name != REPLACEMENT],
    )
    assert {label: ours[label] for label, _ in named} == dict(named)


def test_bytes_stand_for_what_browsers_have_them_stand_for(tab: Page) -> None:
    pick = random.Random(7)
    differ = {}
    for name in sorted(set(webencodings.labels.LABELS.values()) - {REPLACEMENT}):
        all_of_it = [list(range(256))]
        if name in (*CODECS, "gbk"):
            all_of_it = [[byte] for byte in range(256)]
            # Chromium has a character for these that is not the standard's, or we have: see decoders.py
            odd = {"big5": (0x8862, 0x8864, 0x88A3, 0x88A5, 0xA241, 0xA242)}.get(name, ())
            pairs = [divmod(pick.randrange(0x8000, 0x10000), 256) for _ in range(600)]
            all_of_it += [[*pair, 0x41] for pair in pairs if pair[0] * 256 + pair[1] not in odd]
        decoded = tab.evaluate(DECODED, [name, all_of_it])
        for bytes_, text in zip(all_of_it, decoded, strict=True):
            if (ours := decode(bytes(bytes_), name)) != text:
                differ[name, bytes(bytes_)] = (text, ours)
    assert differ == {}
