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
