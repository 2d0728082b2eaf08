# %% [markdown]
# # Task 1: diving into attention (12 points)
#
# A *query* $q \in \mathbb{R}^d$ looks for something among $n$ *keys*
# $k_1, \dots, k_n \in \mathbb{R}^d$, and each key has a *value* $v_1, \dots, v_n \in \mathbb{R}^d$
# to hand over. Query and key are compared by their dot product, and the softmax makes *weights* of
# the scores. What comes out is the weighted sum of the values:
#
# $$a_i = \frac{\exp(q^\top k_i)}{\sum_{j=1}^{n} \exp(q^\top k_j)}
# \qquad\qquad o = \sum_{i=1}^{n} a_i v_i$$
#
# Each $a_i$ is a number; $o$ is a vector of $\mathbb{R}^d$ like the values. The factor $1/\sqrt{d}$
# that transformers put in front of the scores is left out here: it can be taken into $q$.
#
# ![Four keys; the weights that three queries of the same direction and growing length give to
# them, as bars; the longer the query, the nearer the largest weight comes to
# one](figures/attention-weights.svg)
#
# The figure shows what the length of a query does. All three point in the same direction; the
# longer one is, the larger are the differences between its scores, and the more the softmax
# favours the best.
#
# Answer in formulas and one or two sentences each. A result needs its reason.

# %% [markdown]
# ## 1.1 Attention as copying (3 points)
#
# **(a)** Why can $a = (a_1, \dots, a_n)$ be read as a categorical distribution over the $n$ keys?
# (1 point)

# %% [markdown] written="hw3_1_1a" points=1 title="· (a)"
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5: all $a_i$ are positive (or: not negative), since the exponential is.
# - 0.5: they sum to 1, since the denominator is the sum of all numerators.
#
# **An answer with full marks.** A categorical distribution over $n$ outcomes is $n$ numbers that
# are not negative and sum to one. Every $a_i$ is a quotient of exponentials, hence $a_i > 0$, and
# $\sum_i a_i = \sum_i \exp(q^\top k_i) / \sum_j \exp(q^\top k_j) = 1$.
# ### END SOLUTION

# %% [markdown]
# **(b)** For which queries does a single $a_j$ take nearly all the weight? Say what has to hold for
# the scores, how large the difference has to be, and what $q$ then looks like. (1 point)

# %% [markdown] written="hw3_1_1b" points=1 title="· (b)"
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5: $q^\top k_j$ is far above every other $q^\top k_i$.
# - -0.25: "above" without "far": the softmax of close scores is nearly flat.
# - 0.5: how far, or what $q$ looks like: a gap well over $\log n$; or $q$ aligned with $k_j$ (more
#   than with any other key) and long.
#
# **An answer with full marks.** Let $g$ be the distance from $q^\top k_j$ to the second-best score.
# Then $a_j \ge 1 / (1 + (n - 1) e^{-g})$, which is close to 1 as soon as $g$ is well over
# $\log n$. So $q^\top k_j \gg q^\top k_i$ for all $i \ne j$: the query points where $k_j$ points,
# and not where the others do, and it is long.
# ### END SOLUTION

# %% [markdown]
# **(c)** What is $o$ in the case of (b), and what does attention do there, in plain words?
# (1 point)

# %% [markdown] written="hw3_1_1c" points=1 title="· (c)"
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5: $o \approx v_j$.
# - 0.5: the meaning: the value of the key that was found is copied to the output, as in looking up
#   a key in a dictionary.
#
# **An answer with full marks.** With $a_j \approx 1$ and all other weights near 0 the sum is
# $o \approx v_j$: attention looks up the key that fits the query, and copies its value.
# ### END SOLUTION

# %% [markdown] name="comment_1_1"
# ⟶ **Comments on 1.1**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 1.1**

# %% [markdown]
# ## 1.2 An average of two (4 points)
#
# To copy is not enough: a model wants to combine what it finds. It may have the sum of two values,
# and want one of them back; or it may want equal parts of both.
#
# Beside some questions there is a **self-check**: a cell in which you write your result as code,
# for small matrices of fixed numbers, and see whether it holds for them. It carries no points, and
# numbers prove nothing: the derivation is yours to write. Run the next cell first.

# %% cellView="form" jupyter={"source_hidden": true}
# @title What the self-checks use (nothing to write here)
_generator = torch.Generator().manual_seed(31)
_directions = torch.linalg.qr(
    torch.randn(8, 8, generator=_generator, dtype=torch.float64)
).Q  # [8, 8], orthonormal columns

B, C = _directions[:, :3], _directions[:, 3:5]  # [8, 3] and [8, 2]: the columns are b_i and c_j
K = _directions[:, :6].T  # [6, 8]: the rows are orthonormal keys
mu = _directions[:, 2:8].T  # [6, 8]: the rows are orthonormal means
V = torch.randn(6, 8, generator=_generator, dtype=torch.float64)  # [6, 8]: the rows are values
b, c = 1, 4  # which two of the six rows are meant


def _read(question: str, name: str, given: Any, shape: list[int]) -> Tensor | None:
    """What somebody filled in, as a tensor of a shape; where it is none, say so."""
    if given is None:
        print(f"{question}: {name} is not filled in yet.")
        return None
    try:
        found = torch.as_tensor(given, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        print(f"{question}: {name} should be a tensor, and is a {type(given).__name__}.")
        return None
    if list(found.shape) != shape:
        print(f"{question}: {name} has shape {list(found.shape)}, where {shape} was expected.")
        return None
    return found


def _say(question: str, what: str, distance: float, near: float) -> None:
    """Print how far a result is from what was asked for, and whether that is near enough."""
    holds = "It holds." if distance < near else "It does not hold."
    print(f"{question}: {what}: {distance:.3f} at most. {holds}")


def check_projection(M: Any) -> None:
    """Whether M takes v_b + v_c to v_b, for a hundred vectors of the two spaces."""
    if (M := _read("1.2 (a)", "M", M, [8, 8])) is not None:
        v_b = torch.randn(100, 3, generator=_generator, dtype=torch.float64) @ B.T  # [100, 8]
        v_c = torch.randn(100, 2, generator=_generator, dtype=torch.float64) @ C.T  # [100, 8]
        far = ((v_b + v_c) @ M.T - v_b).norm(dim=1).max().item()
        _say("1.2 (a)", "distance of M(v_b + v_c) from v_b", far, 1e-3)


def check_average(q: Any) -> None:
    """Whether q gives half of v_b and half of v_c, for the keys in K."""
    if (q := _read("1.2 (b)", "q", q, [8])) is not None:
        weights = F.softmax(K @ q, dim=0)  # [6]
        print("The weights of the six keys:", *(f"{weight:.3f}" for weight in weights))
        far = (weights @ V - (V[b] + V[c]) / 2).norm().item()
        _say("1.2 (b)", "distance of o from (v_b + v_c) / 2", far, 0.05)


def check_noisy_average(q: Any, alpha: float = 1e-6) -> None:
    """Whether q gives half of v_b and half of v_c, for a hundred draws of all six keys."""
    if (q := _read("1.3 (a)", "q", q, [8])) is not None:
        noise = torch.randn(100, 6, 8, generator=_generator, dtype=torch.float64)
        weights = F.softmax((mu + alpha**0.5 * noise) @ q, dim=1)  # [100, 6]
        print("The mean weights:", *(f"{weight:.3f}" for weight in weights.mean(dim=0)))
        far = (weights @ V - (V[b] + V[c]) / 2).norm(dim=1).max().item()
        _say("1.3 (a)", "distance of o from (v_b + v_c) / 2", far, 0.1)


print("The self-checks are ready.")

# %% [markdown]
# **(a)** Somewhere inside a model there is a vector $v = v_b + v_c$. Of its parts we know that
# $v_b$ lies in the span of $b_1, \dots, b_m$ and $v_c$ in the span of $c_1, \dots, c_p$, that the
# $b_i$ are orthonormal and so are the $c_j$, and that the two spans are orthogonal:
# $b_i^\top c_j = 0$ for all $i$ and $j$. Give a matrix $M$ with
#
# $$M (v_b + v_c) = v_b$$
#
# for all such $v_b$ and $v_c$, and show that it does this. It will help to write the basis vectors
# as the columns of two matrices, $B \in \mathbb{R}^{d \times m}$ and
# $C \in \mathbb{R}^{d \times p}$. (2 points)

# %% [markdown] written="hw3_1_2a" points=2 title="· (a)"
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 0.5: $C$ drops out, since $B^\top C = 0$.
# - 0.5: $B^\top v_b$ gives the coordinates of $v_b$, since $B^\top B = I$.
# - 1: back from coordinates to the vector, $M = B B^\top = \sum_i b_i b_i^\top$.
# - at most 1: $M = B^\top$ alone, which gives the coordinates of $v_b$ and not $v_b$: half the
#   answer.
#
# $M = I - C C^\top$ also does what is asked, and earns full marks with its reason.
#
# **An answer with full marks.** There are coordinates $x$ and $y$ with $v_b = B x$ and $v_c = C y$.
# Since the bases are orthonormal and orthogonal to each other, $B^\top B = I$ and $B^\top C = 0$.
# Take $M = B B^\top$. Then $M (v_b + v_c) = B (B^\top B) x + B (B^\top C) y = B x = v_b$.
# ### END SOLUTION

# %%
# A self-check for 1.2 (a): write M as code, from B [8, 3] and C [8, 2]. No points.
M = None

check_projection(M)

# %% [markdown]
# **(b)** Now the keys are orthonormal: $k_i^\top k_j = 0$ for $i \ne j$, and $k_i^\top k_i = 1$.
# Give a query $q$, made of the keys, for which
#
# $$o \approx \tfrac{1}{2} (v_b + v_c)$$
#
# for two of them, $b \ne c$, and show how good the approximation is. (2 points)

# %% [markdown] written="hw3_1_2b" points=2 title="· (b)"
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 1: $q = \beta (k_b + k_c)$.
# - 0.5: $\beta$ is large: well over $\log n$. The sum $k_b + k_c$ itself, without a factor, does
#   not earn this half point: the other keys keep their share.
# - 0.5: the weights are worked out: scores $\beta, \beta$ and 0 elsewhere, so $a_b = a_c \to 1/2$.
#
# A $q$ orthogonal to $k_b$ and $k_c$ is wrong: it lets all the other keys in. Different factors
# for $k_b$ and $k_c$ are wrong, too: the larger one takes all.
#
# **An answer with full marks.** Take $q = \beta (k_b + k_c)$ with $\beta > 0$. As the keys are
# orthonormal, $q^\top k_b = q^\top k_c = \beta$ and $q^\top k_i = 0$ for all others, so
# $a_b = a_c = e^\beta / (2 e^\beta + n - 2)$. For $\beta$ well over $\log n$ the rest,
# $n - 2$, does not count beside $2 e^\beta$: both weights go to $1/2$, all others to 0.
# ### END SOLUTION

# %%
# A self-check for 1.2 (b): write q as code, from the keys K[b] and K[c], each [8]. No points.
q = None

check_average(q)

# %% [markdown] name="comment_1_2"
# ⟶ **Comments on 1.2**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 1.2**

# %% [markdown]
# ## 1.3 What a single head cannot do reliably (4 points)
#
# Keys are computed from data, and never the same twice. Let them be drawn at random:
# $k_i \sim \mathcal{N}(\mu_i, \Sigma_i)$, independently of each other. The means $\mu_i$ are known,
# and orthonormal: $\mu_i^\top \mu_j = 0$ for $i \ne j$, and $\mu_i^\top \mu_i = 1$.
#
# **(a)** Let $\Sigma_i = \alpha I$ for all $i$, with a vanishingly small $\alpha > 0$. Give a query
# $q$, made of the means, with $o \approx \frac{1}{2} (v_b + v_c)$, and say why it works.
# (2 points)

# %% [markdown] written="hw3_1_3a" points=2 title="· (a)"
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 1: $q = \beta (\mu_b + \mu_c)$ with a large $\beta$.
# - -0.5: the factor is not there, or not large.
# - 0.5: $k_i \approx \mu_i$, since $\alpha$ vanishes.
# - 0.5: hence the scores are about $\beta$, $\beta$ and 0, and the weights those of 1.2 (b).
# - at most 1: a $q$ made of the keys, $\beta (k_b + k_c)$: the keys are not known when the query is
#   chosen.
#
# That $\beta$ must not be too large (the noise in a score has the standard deviation
# $\beta \sqrt{2 \alpha}$, at most) is a good remark, and not asked for.
#
# **An answer with full marks.** Take $q = \beta (\mu_b + \mu_c)$ with $\beta$ well over $\log n$.
# As $\alpha$ vanishes, each $k_i$ is close to its mean, so $q^\top k_b \approx q^\top \mu_b =
# \beta$, likewise $q^\top k_c \approx \beta$, and $q^\top k_i \approx 0$ for all others. As in 1.2
# (b), $a_b \approx a_c \approx 1/2$.
# ### END SOLUTION

# %%
# A self-check for 1.3 (a): write q as code, from the means mu[b] and mu[c], each [8]. No points.
q = None

check_noisy_average(q)

# %% [markdown]
# **(b)** Some features are noisy in their *length*, though not in their direction. Let
#
# $$\Sigma_b = \alpha I + \tfrac{1}{2} \mu_b \mu_b^\top$$
#
# with the same vanishing $\alpha$, and $\Sigma_i = \alpha I$ for all other $i$, as before. Here
# $\mu_b \mu_b^\top$ is a matrix, the outer product. What does $k_b$ look like now? With your query
# of (a): what happens to $o$ from one draw of the keys to the next? And what does that say about
# one attention head, and about several? (2 points)

# %% [markdown] written="hw3_1_3b" points=2 title="· (b)"
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 0.5: $k_b \approx \gamma \mu_b$ with $\gamma \sim \mathcal{N}(1, 1/2)$: noise along $\mu_b$.
# - 0.5: the scores are $\beta \gamma$ for $b$ and $\beta$ for $c$, no longer equal.
# - 0.5: $o$ swings between $v_b$ (where $\gamma$ is over 1) and $v_c$ (where it is under 1).
# - -0.25: "the variance of $o$ grows", without where it swings to: half of the item above.
# - 0.5: one head cannot average reliably; several heads, whose outputs are averaged, get nearer to
#   $(v_b + v_c)/2$, since the swings average out.
#
# **An answer with full marks.** Along $\mu_b$ the variance is $\alpha + 1/2$, in all other
# directions it vanishes. So $k_b \approx \gamma \mu_b$ with $\gamma \sim \mathcal{N}(1, 1/2)$,
# while $k_c \approx \mu_c$. The scores are $\beta \gamma$ and $\beta$, and of the weight that the
# two share $b$ gets $1 / (1 + e^{-\beta (\gamma - 1)})$. As $\beta$ is large, this is nearly 1
# where $\gamma > 1$ and nearly 0 where $\gamma < 1$: in about half of the draws $o \approx v_b$, in
# the other half $o \approx v_c$, and hardly ever the average. A single head thus cannot average
# reliably. Several heads whose keys are noisy independently of each other, and whose outputs are
# averaged, swing less; two heads, one that looks for $\mu_b$ and one that looks for $\mu_c$, give
# the average whatever the length of $k_b$, as long as $\gamma$ stays well over 0.
# ### END SOLUTION

# %% [markdown] name="comment_1_3"
# ⟶ **Comments on 1.3**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 1.3**

# %% [markdown]
# ## 1.4 What attention costs (1 point)
#
# In self-attention every token of a sequence asks with a query of its own, and all of them offer
# their keys and values.
#
# **(a)** How do memory and time of *one* self-attention layer grow with the number of tokens $l$?
# Say where this comes from.
#
# **(b)** And the time of $N$ layers? ((a) and (b) together 0.5 points)

# %% [markdown] written="hw3_1_4ab" points=0.5 title="· (a), (b)"
# ### BEGIN SOLUTION
# **What to look for (0.5 points).**
#
# - 0.25: (a) both $O(l^2)$, since each of the $l$ tokens is compared with each of the $l$. With the
#   width $d$: time $O(l^2 d)$, memory $O(l^2 + l d)$. Either form is right.
# - 0.25: (b) $N$ times that, $O(N l^2)$, since layers come one after another.
#
# **An answer with full marks.** (a) There is a score for each pair of tokens, $l^2$ in all, which
# have to be computed (a dot product of length $d$ each) and kept: $O(l^2)$ in time and memory.
# (b) One layer needs the output of the one before: $N$ times as long, $O(N l^2)$.
# ### END SOLUTION

# %% [markdown]
# **(c)** A model has $N = 10$ layers and reads $l = 10{,}000$ tokens. Count $l^2$ operations for
# each layer, and nothing else. How many seconds does it take on a computer that does 10 million
# operations in a second? Write the number; an expression will do. (0.5 points, graded
# automatically)

# %% solution="hw3_1_4c"
### BEGIN SOLUTION
seconds = 10 * 10_000**2 / 10_000_000
### END SOLUTION

# %% tests="hw3_1_4c" points=0.5 title="· (c)"
needs("seconds")
assert isinstance(seconds, (int, float)) and not isinstance(seconds, bool), (
    f"`seconds` should be a number, and is a {type(seconds).__name__}"
)
assert 1 < seconds < 10**6, (
    f"{seconds:g} seconds: check the powers of ten. How many operations are there in all?"
)
print("1.4 (c) is a number, and a possible one.")

# %% [markdown] name="comment_1_4"
# ⟶ **Comments on 1.4**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 1.4**
