"""Writes a tiny language model with random weights, a GGUF file of some hundred kilobytes: what it says has no meaning, but real
inference servers load it. Needs the package gguf of PyPI.

    python3 tests/llm/make_model.py model.gguf
"""

import sys

import gguf
import numpy

WIDTH, HEADS, LAYERS, FEED, CONTEXT = 64, 4, 2, 128, 2048
TEMPLATE = "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"

random = numpy.random.default_rng(1)
writer = gguf.GGUFWriter(sys.argv[1], "llama")

# Bytes are tokens, and so is each printable character.
special = ["<unk>", "<s>", "</s>"]
characters = ["▁"] + [chr(code) for code in range(33, 127)]
tokens = special + [f"<0x{byte:02X}>" for byte in range(256)] + characters
types = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL] + [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * len(characters)

writer.add_name("tiny")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(WIDTH)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(FEED)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_rope_dimension_count(WIDTH // HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_vocab_size(len(tokens))
writer.add_file_type(gguf.LlamaFileType.ALL_F32)
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens)
writer.add_token_scores([-float(number) for number in range(len(tokens))])
writer.add_token_types(types)
writer.add_unk_token_id(0)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_add_bos_token(False)
writer.add_chat_template(TEMPLATE)


def add(name, *shape):
    writer.add_tensor(name, random.normal(0, 0.3, shape).astype(numpy.float32))


add("token_embd.weight", len(tokens), WIDTH)
add("output.weight", len(tokens), WIDTH)
writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
for layer in range(LAYERS):
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.{layer}.{part}.weight", WIDTH, WIDTH)
    add(f"blk.{layer}.ffn_gate.weight", FEED, WIDTH)
    add(f"blk.{layer}.ffn_up.weight", FEED, WIDTH)
    add(f"blk.{layer}.ffn_down.weight", WIDTH, FEED)
    for norm in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.{layer}.{norm}.weight", numpy.ones(WIDTH, numpy.float32))

writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
