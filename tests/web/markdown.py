"""The page's own Markdown: what it shows, and that hostile input stays text, in time that its length explains."""

# What is written, and the markup that it must become.
CASES = [
    ("one\ntwo", "<p>one\ntwo</p>"),
    ("one  \ntwo\\\nthree", "<p>one<br>two<br>three</p>"),
    ("# A *b*\n\ntext", '<h3 class="h1">A <em>b</em></h3><p>text</p>'),
    ("**bold** and ***both*** and ~~gone~~ __b__ _i_", "<p><strong>bold</strong> and <em><strong>both</strong></em> and <del>gone</del> <strong>b</strong> <em>i</em></p>"),
    ("snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"),
    ("`a < b` and ``x ` y``", "<p><code>a &lt; b</code> and <code>x ` y</code></p>"),
    ("- a\n- b\n  - c\n\n1. x\n2. y", "<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li></ul></li></ul><ol><li><p>x</p></li><li><p>y</p></li></ol>"),
    ("3) x\n4) y", '<ol start="3"><li><p>x</p></li><li><p>y</p></li></ol>'),
    ("- [ ] open\n- [x] done", '<ul><li><p><span role="img" aria-label="to do">☐ </span>open</p></li><li><p><span role="img" aria-label="done">☑ </span>done</p></li></ul>'),
    ("> a\n> b\n\nc", "<blockquote><p>a\nb</p></blockquote><p>c</p>"),
    ("---", "<hr>"),
    ("[a](https://example.org/x_(y))", '<p><a href="https://example.org/x_(y)" target="_blank" rel="noopener noreferrer nofollow">a</a></p>'),
    ("see https://example.org/a, then", '<p>see <a href="https://example.org/a" target="_blank" rel="noopener noreferrer nofollow">https://example.org/a</a>, then</p>'),
    ("<https://example.org/> x", '<p><a href="https://example.org/" target="_blank" rel="noopener noreferrer nofollow">https://example.org/</a> x</p>'),
    ("![p](https://example.org/p.png)", '<p><a href="https://example.org/p.png" target="_blank" rel="noopener noreferrer nofollow">picture: p</a></p>'),
    ("\\*no\\* &amp; <b>x</b>", "<p>*no* &amp;amp; &lt;b&gt;x&lt;/b&gt;</p>"),
    ("It is so [1] and so [2, 3]. Not [9].", '<p>It is so <span class="cites"><button>1</button></span> and so <span class="cites"><button>2</button><button>3</button></span>. Not [9].</p>'),
    ("| a | b |\n|---|--:|\n| 1 | `x|y` |", '<div class="table" tabindex="0" role="region" aria-label="Table"><table><thead><tr><th scope="col" class="left">a</th><th scope="col" class="right">b</th></tr></thead><tbody><tr><td class="left">1</td><td class="right"><code>x|y</code></td></tr></tbody></table></div>'),
]

# Each would run, or load something, if any of it became markup.
HOSTILE = [
    "<script>window.hit=1</script>", "<img src=x onerror='window.hit=1'>", "<svg/onload=window.hit=1>",
    "[x](javascript:window.hit=1)", "[x](JaVaScRiPt:window.hit=1)", "[x](java\tscript:window.hit=1)", "[x](&#106;avascript:window.hit=1)",
    "[x](data:text/html;base64,PHNjcmlwdD53aW5kb3cuaGl0PTE8L3NjcmlwdD4=)", "[x](vbscript:window.hit=1)", "<javascript:window.hit=1>",
    "![x](javascript:window.hit=1)", "![x](https://evil.example/steal.png)", "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "```<img src=x onerror=window.hit=1>\n</code></pre><script>window.hit=1</script>\n```", "[<img src=x onerror=window.hit=1>](https://a.example/)",
    "| <script>window.hit=1</script> |\n|---|\n| <img src=x onerror=window.hit=1> |", "<style>@import 'https://evil.example/'</style>",
    "<a href='javascript:window.hit=1'>x</a>", "`<script>window.hit=1</script>`", "\u2028<script>window.hit=1</script>\u202e",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.hit=1>", "[1]<form action=//evil.example><input type=submit>",
]

# Long, and mean to a parser that looks back.
MEAN = ["*a " * 20000, "a* " * 20000, "*a_ " * 15000, "[" * 40000, "![" * 20000, "`" * 40001, "`a``" * 15000, "> " * 3000 + "x",
        "- " * 3000 + "x", "  " * 500 + "- a\n" * 3000, "|" * 20000 + "\n" + "|-" * 10000, "[a](" * 10000, "<http://" * 8000, "~~a" * 15000,
        "\n".join("  " * n + "- a" for n in range(300)), "#" * 40000, "_" * 40000, "**" * 20000 + "a" + "**" * 20000, "http://a" * 5000, "\\" * 40000]

RENDER = """
    const [module, text] = args;
    const { render } = await import(module);
    const { h } = await import(module.replace('markdown', 'dom'));
    const cite = (n) => (n >= 1 && n <= 3 ? h('button', {}, String(n)) : null);
    const begun = performance.now();
    const box = document.createElement('div');
    box.append(render(text, cite));
    const ms = performance.now() - begun;
    document.body.append(box);
    await new Promise((done) => setTimeout(done, 0));
    const names = [...new Set([...box.querySelectorAll('*')].map((e) => e.localName))];
    const addresses = [...box.querySelectorAll('[href],[src]')].map((e) => e.getAttribute('href') || e.getAttribute('src'));
    const attributes = [...new Set([...box.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()))];
    const html = box.innerHTML;
    box.remove();
    return { html: text.length < 3000 ? html : '', ms, names, addresses, attributes, hit: window.hit || 0 };
"""

# Of text: letters are lost by nothing but marks that were understood.
ALLOWED = {"p", "h3", "hr", "ul", "ol", "li", "blockquote", "div", "pre", "code", "span", "em", "strong", "del", "a", "br",
           "table", "thead", "tbody", "tr", "th", "td", "button", "svg", "path"}


def check(browser, module):
    """All of it in a page that has the module's address and policy."""
    for text, expected in CASES:
        html = browser.later(RENDER, module, text)["html"]
        assert html == expected, f"{text!r}\n became  {html}\n and not {expected}"
    for text in HOSTILE:
        shown = browser.later(RENDER, module, text)
        assert not shown["hit"], f"it ran: {text}"
        assert set(shown["names"]) <= ALLOWED, f"{text}: {shown['names']}"
        assert all(a.startswith(("https://", "http://", "mailto:")) for a in shown["addresses"]), f"{text}: {shown['addresses']}"
        assert not any(name.startswith("on") or name in ("style", "src", "srcdoc", "action") for name in shown["attributes"]), f"{text}: {shown['attributes']}"
    slowest = 0
    for text in MEAN:
        ms = browser.later(RENDER, module, text)["ms"]
        slowest = max(slowest, ms)
        assert ms < 2500, f"{ms:.0f} ms for {len(text)} letters like {text[:20]!r}"
    # A text that grows letter by letter ends as one that was there at once, and keeps the blocks that are whole.
    grown = browser.later("""
        const [module, text] = args;
        const { Growing, render } = await import(module);
        const [one, two] = [document.createElement('div'), document.createElement('div')];
        const growing = new Growing(one, () => null);
        let first = null, kept = true;
        for (let end = 1; end <= text.length; end += 1) {
          growing.show(text.slice(0, end));
          if (end === 60) first = one.firstChild;
          if (end > 60 && one.firstChild !== first) kept = false;
        }
        two.append(render(text));
        return [one.innerHTML === two.innerHTML, kept];
    """, module, "A first paragraph that stays.\n\n- one\n- **two**\n\n```js\nlet a = 1;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> end [x](https://a.example/)\n")
    assert grown == [True, True], grown
    return slowest
