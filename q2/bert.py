# q2, version 5827cd0b
"""BERT, the encoder: attention, the transformer layer, and the model made of them.

You write four methods: `BertSelfAttention.attention` (a) and `forward` (b), `BertLayer.add_norm`
(c) and `forward` (d). `python sanity_check.py` tells you how far you are.

In the comments B is the number of sentences in the batch, T their length in tokens, H the hidden
size. [Vaswani] is Vaswani et al., "Attention Is All You Need" (2017); [Devlin] is Devlin et al.,
"BERT: Pre-training of Deep Bidirectional Transformers" (2019).
"""

import math
from collections.abc import Callable

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from base_bert import BertPreTrainedModel
from config import BertConfig
from utils import get_extended_attention_mask


class BertSelfAttention(nn.Module):
    """Multi-head self-attention, [Vaswani] section 3.2, without its output matrix W^O.

    (W^O is `attention_dense` of BertLayer.)
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.num_attention_heads = config.num_attention_heads
        self.attention_head_size = config.hidden_size // config.num_attention_heads
        self.all_head_size = self.num_attention_heads * self.attention_head_size

        # The matrices W^Q, W^K, W^V of all heads side by side, each with a bias.
        self.query = nn.Linear(config.hidden_size, self.all_head_size)
        self.key = nn.Linear(config.hidden_size, self.all_head_size)
        self.value = nn.Linear(config.hidden_size, self.all_head_size)
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def transform(self, x: Tensor, linear_layer: nn.Linear) -> Tensor:
        """Project `x` with one of the three linear layers and split the result into heads.

        [B, T, H] -> [B, heads, T, H / heads]
        """
        projected = linear_layer(x)
        split = projected.unflatten(-1, (self.num_attention_heads, self.attention_head_size))
        # split: [B, T, heads, H / heads]
        return split.transpose(1, 2)

    def attention(
        self, key: Tensor, query: Tensor, value: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """(a) Scaled dot-product attention in every head; then the heads are joined.

            Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k) + mask) V

        This is equation (1) of [Vaswani] with a mask. The softmax runs over the keys: for each
        query the weights of all keys sum to 1. `self.dropout` may be applied to these weights
        ([Vaswani] leaves it out, BERT has it).

        Args:
            key, query, value: [B, heads, T, d_k], with d_k = H / heads.
            attention_mask: [B, 1, 1, T], to be added to the scores: 0 for a token, a large
                negative number for padding, which gives it a weight of 0 after the softmax.

        Returns:
            [B, T, H]: for each token the results of its heads, joined in their order
            (the "Concat" of [Vaswani] section 3.2.2).
        """
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
        """(b) Self-attention: queries, keys and values all come from the same hidden states.

            head_i = Attention(x W_i^Q, x W_i^K, x W_i^V)

        ([Vaswani] section 3.2.2, with Q = K = V = x.) `transform` does the projection.

        Args:
            hidden_states: [B, T, H].
            attention_mask: [B, 1, 1, T], additive; see `attention`.

        Returns:
            [B, T, H]
        """
        # YOUR CODE HERE
        raise NotImplementedError()


class BertLayer(nn.Module):
    """One layer of the encoder, the left half of figure 1 in [Vaswani]."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        # Attention and what follows it.
        self.self_attention = BertSelfAttention(config)
        self.attention_dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.attention_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention_dropout = nn.Dropout(config.hidden_dropout_prob)
        # The feed-forward network and what follows it.
        self.interm_dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.interm_af: Callable[[Tensor], Tensor] = F.gelu
        self.out_dense = nn.Linear(config.intermediate_size, config.hidden_size)
        self.out_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.out_dropout = nn.Dropout(config.hidden_dropout_prob)

    def add_norm(
        self,
        input: Tensor,
        output: Tensor,
        dense_layer: nn.Linear,
        dropout: nn.Dropout,
        ln_layer: nn.LayerNorm,
    ) -> Tensor:
        """(c) The "Add & Norm" of [Vaswani] figure 1, after a last linear map of the sub-layer.

            LayerNorm(input + Dropout(dense(output)))

        This is [Vaswani] section 5.4 (residual dropout), with Sublayer(x) = dense(output).

        Args:
            input: what went into the sub-layer, [B, T, H]. It takes the residual connection.
            output: what came out of the sub-layer, [B, T, D], with D what `dense_layer` takes.
            dense_layer, dropout, ln_layer: the modules to use, in this order.

        Returns:
            [B, T, H]
        """
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
        """(d) Two sub-layers, each closed by an `add_norm` with its own three modules.

        1. Multi-head self-attention ([Vaswani] section 3.2.2), closed by the `attention_*` modules.
        2. The feed-forward network of [Vaswani] equation (2), with the GELU of [Devlin] section
           A.2 in the place of the ReLU: `interm_dense` is its first linear map, `interm_af` its
           activation, `out_dense` its second. Closed by the `out_*` modules.

        Args:
            hidden_states: [B, T, H], from the embedding or from the layer before.
            attention_mask: [B, 1, 1, T], additive; see `BertSelfAttention.attention`.

        Returns:
            [B, T, H]
        """
        # YOUR CODE HERE
        raise NotImplementedError()


class BertModel(BertPreTrainedModel):
    """The embeddings, the layers, and the pooler on the first token ([Devlin] section 3)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        # [Devlin] figure 2: a token's embedding is the sum of three.
        self.word_embedding = nn.Embedding(
            config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id
        )
        self.pos_embedding = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.tk_type_embedding = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.embed_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.embed_dropout = nn.Dropout(config.hidden_dropout_prob)
        # A buffer follows the model to its device; it is constant, so no checkpoint holds it.
        positions = torch.arange(config.max_position_embeddings).unsqueeze(0)  # [1, positions]
        self.register_buffer("position_ids", positions, persistent=False)

        self.bert_layers = nn.ModuleList(BertLayer(config) for _ in range(config.num_hidden_layers))
        self.pooler_dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.pooler_af = nn.Tanh()
        self.init_weights()

    def embed(self, input_ids: Tensor) -> Tensor:
        """Embed token ids, [B, T] -> [B, T, H]; every token is of the first type ("sentence A")."""
        length = input_ids.shape[1]
        words = self.word_embedding(input_ids)  # [B, T, H]
        positions = self.pos_embedding(self.position_ids[:, :length])  # [1, T, H]
        types = self.tk_type_embedding(torch.zeros_like(input_ids))  # [B, T, H]
        return self.embed_dropout(self.embed_layer_norm(words + positions + types))

    def encode(self, hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
        """Pass [B, T, H] through all layers; `attention_mask` is [B, T], 1 token, 0 padding."""
        extended_attention_mask = get_extended_attention_mask(attention_mask, self.dtype)
        for layer in self.bert_layers:
            hidden_states = layer(hidden_states, extended_attention_mask)
        return hidden_states

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Encode a batch of sentences.

        Args:
            input_ids: [B, T], int64, `[CLS] ... [SEP]` and padding.
            attention_mask: [B, T], 1 for a token, 0 for padding.

        Returns:
            `last_hidden_state`, [B, T, H], and `pooler_output`, [B, H]: the state of `[CLS]`
            after one more dense layer and tanh.
        """
        last_hidden_state = self.encode(self.embed(input_ids), attention_mask)  # [B, T, H]
        pooler_output = self.pooler_af(self.pooler_dense(last_hidden_state[:, 0]))  # [B, H]
        return {"last_hidden_state": last_hidden_state, "pooler_output": pooler_output}
