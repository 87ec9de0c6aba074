/** What the benches of the page show: every kind of block that answers have. */

/** About 250 tokens of four bytes. */
export const SECTION = `## Section

A paragraph with **strong words**, *others*, some \`code\`, a [link](https://example.com) and a formula $a^2 + b^2 = c^2$. It goes
on for a while, as answers do, and says that this costs $5 and that $6.

- An item of a list, with **words**
- Another one
  - One below it
1. A number

| Name | Value |
|:--|--:|
| one | 1 |
| two | **2** |

> A quotation of a line.

\`\`\`python
def step(theta, rate=0.01):
    """One step down."""
    return theta - rate * gradient(theta)

for index in range(100):
    theta = step(theta)
    print(f"step {index}: {theta}")
\`\`\`

$$
L(\\theta) = \\frac{1}{N} \\sum_{i=1}^{N} (y_i - f_\\theta(x_i))^2
$$

`;

/** @typedef {{head: string, unit: string}} Kind what it begins with, and what then comes again and again */

/** @type {Record<string, Kind>} */
export const KINDS = {
  "everything": { head: "", unit: SECTION },
  "paragraphs": { head: "", unit: "A paragraph with **strong** words. It goes on for a while, as answers do, and says this.\n\n" },
  "one paragraph": { head: "", unit: "words and *more* of them, " },
  "one block of code": { head: "```python\n", unit: "def step(theta, rate=0.01): return theta - rate\n" },
  "one list": { head: "", unit: "- an item with **words** and so on, as lists have them\n" },
  "one item of many items": { head: "- outer\n", unit: "  - an inner item with some words that go on\n" },
  "one table": { head: "| a | b |\n|---|---|\n", unit: "| x and y | **y** and some |\n" },
  "one quotation": { head: "", unit: "> a line of a quotation that goes on for a while\n>\n" },
};
