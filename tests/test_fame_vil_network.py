"""FAME-ViL's network against transformers' CLIP: what is loaded, what survives saving, what a lost zero would do, captions at full length."""
import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import BertConfig, BertModel, CLIPModel

from fashion_repro.errors import UserError
from fashion_repro.fame_vil import adapters
from fashion_repro.fame_vil.captioning import beam, greedy
from fashion_repro.fame_vil.clip import clip_config, read_clip, real_tokens, tiny_clip
from fashion_repro.fame_vil.heads import FameVil, moved

SIZES = tiny_clip(40, image=32, width=64, layers=2)
START,END = 38,39


def pairs(n, T=77, seed=0):
    "Images, and texts of several lengths, one of them as long as possible."
    g = torch.Generator().manual_seed(seed)
    ids = torch.full((n, T), END)
    for i,length in enumerate(torch.linspace(2, T, n).long().tolist()): ids[i,:length] = torch.cat([torch.tensor([START]), torch.randint(38, (length-2,), generator=g), torch.tensor([END])])
    return torch.randint(256, (n, 3, 32, 32), generator=g, dtype=torch.uint8), ids


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    "A random CLIP of transformers, and the folder where it is saved."
    torch.manual_seed(3)
    net,folder = CLIPModel(clip_config(SIZES)).eval(),tmp_path_factory.mktemp('clip')
    net.save_pretrained(folder)
    return net, folder


def same_as_clip(net, clip):
    "Largest difference to plain CLIP, over all modes of retrieval and recognition."
    images,ids = pairs(4)
    pixels = net.trunk.input(images)
    with torch.no_grad():
        v,t = clip.get_image_features(pixels).pooler_output,clip.get_text_features(ids).pooler_output
        found = [(net.trunk.image(images, 'xmr'), v), (net.trunk.text(ids, 'xmr'), t), (net.trunk.image(images, 'tgir'), v)]
        for task in ('tgir', 'scr'): found += zip(net.trunk.pair(images, ids, task), (v, t))
        found.append((net('scr', images, ids), net.heads['scr'](v + t)))
    return max((a-b).abs().max().item() for a,b in found)


def test_starts_as_clip_bit_for_bit(clip, tmp_path):
    net,folder = clip
    fresh = FameVil.from_clip(folder, classes=5).eval()
    assert same_as_clip(fresh, net) == 0 and not moved(fresh)
    fresh.save_pretrained(tmp_path/'model')
    back = FameVil.from_pretrained(tmp_path/'model')
    assert same_as_clip(back, net) == 0 and not moved(back)
    assert same_as_clip(FameVil.from_clip(tmp_path/'model', classes=5).eval(), net) == 0


@pytest.mark.parametrize('lost', ['up', 'scale'])
def test_a_lost_zero_is_noticed(clip, monkeypatch, lost):
    "What a library that initialises unknown modules again would do; the check above must not pass then."
    def start(self, width, bottleneck=64, was=adapters.Adapter.__init__):
        was(self, width, bottleneck)
        with torch.no_grad(): self.up.weight.normal_() if lost == 'up' else self.scale.fill_(torch.nan)
    monkeypatch.setattr(adapters.Adapter, '__init__', start)
    net = FameVil.from_clip(clip[1], classes=5).eval()
    assert len(moved(net)) == 4*2*2 + 2*2 and not same_as_clip(net, clip[0]) < 1e-3


def test_weights_of_clip_are_read_strictly(clip, tmp_path):
    clip[0].save_pretrained(tmp_path/'clip')
    file = tmp_path/'clip'/'model.safetensors'
    whole = load_file(file)
    def saved(change):
        weights = {k: w.clone() for k,w in whole.items()}
        change(weights); save_file(weights, file, dict(format='pt'))
        return tmp_path/'clip'
    name = 'text_model.encoder.layers.1.mlp.fc1.bias'
    with pytest.raises(UserError, match=f'not those of a CLIP: {name} missing'): read_clip(saved(lambda o: o.pop(name)))
    with pytest.raises(UserError, match=f'{name} missing or of another size'): read_clip(saved(lambda o: o.update({name: o[name][:-1].clone()})))
    half = read_clip(saved(lambda o: o.update({k: w.half() for k,w in o.items()})))                  # a file of 16 bits is trained in 32
    assert {p.dtype for p in half.parameters()} == {torch.float32}
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match='no CLIP can be read'): read_clip(tmp_path/'clip')
    BertModel(BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)).save_pretrained(tmp_path/'bert')
    with pytest.raises(UserError, match='a model of the kind bert: expected clip'): read_clip(tmp_path/'bert')
    (tmp_path/'bert'/'config.json').write_text('{')
    with pytest.raises(UserError, match='is not JSON'): FameVil.from_clip(tmp_path/'bert')


def test_activation_and_end_come_from_the_checkpoint(tmp_path):
    exact = {k: v | dict(hidden_act='gelu') if isinstance(v, dict) else v for k,v in SIZES.items()}
    torch.manual_seed(0)
    net = CLIPModel(clip_config(exact)).eval(); net.save_pretrained(tmp_path/'clip')
    ours = FameVil.from_clip(tmp_path/'clip', classes=5).eval()
    assert ours.clip == exact and same_as_clip(ours, net) == 0
    ours.save_pretrained(tmp_path/'ours')
    assert same_as_clip(FameVil.from_pretrained(tmp_path/'ours'), net) == 0
    file = tmp_path/'clip'/'config.json'
    config = json.loads(file.read_text())
    for end,fine in ((2, True), (17, False)):                                                         # 2: the old public files, where the largest id is meant
        file.write_text(json.dumps(config | dict(text_config=config['text_config'] | dict(eos_token_id=end))))
        if fine: assert same_as_clip(FameVil.from_clip(tmp_path/'clip', classes=5).eval(), CLIPModel.from_pretrained(tmp_path/'clip')) == 0
        else:
            with pytest.raises(UserError, match='texts end with id 17: expected the last one, 39'): read_clip(tmp_path/'clip')


@pytest.mark.parametrize('other', [dict(bottleneck=8), dict(tasks=['xmr', 'scr'], cross=[]), dict(tasks=['xmr'])])
def test_a_model_with_other_adapters_says_which(tmp_path, other):
    net = FameVil(SIZES, **dict(tasks=['xmr', 'scr'], bottleneck=16, classes=5))
    net.save_pretrained(tmp_path/'model')
    file = tmp_path/'model'/'config.json'
    file.write_text(json.dumps(json.loads(file.read_text()) | dict(cross=None) | other))
    with pytest.raises(UserError, match='trunk.(tsa|xaa)'): FameVil.from_pretrained(tmp_path/'model')


def shaken(net, seed=0):
    "A network whose adapters do something and whose captions differ."
    torch.manual_seed(seed)
    with torch.no_grad():
        for n,p in net.named_parameters():
            if n.startswith(('trunk.tsa', 'trunk.xaa', 'heads.fic', 'trunk.clip.text_model')) and p.ndim == 2: p.normal_(0, 1 if 'embedding' in n else p.shape[1]**-.5)
    return net.eval()


def test_long_captions_are_those_without_a_cache():
    images,_ = pairs(4)
    for context in ('post_layer', 'post_attn'):
        net = shaken(FameVil(SIZES, ['scr', 'fic'], 16, fic_context=context, classes=5))
        ids = torch.full((4, 1), START)
        with torch.no_grad():
            memory = net.trunk.memory(images, context)
            for _ in range(76): ids = torch.cat([ids, net.heads['fic'](net.trunk.words(ids, memory)[:,-1:]).argmax(2)], 1)
        slow = torch.where(real_tokens(ids, END), ids, END)
        fast = greedy(net, images)
        assert fast.shape == (4, 77) and torch.equal(fast, slow) and len(fast.unique(dim=0)) > 1
        assert torch.equal(fast, torch.cat([greedy(net, images[:3]), greedy(net, images[3:])]))
        wide = beam(net, images, 3, 20)
        assert torch.equal(wide, torch.cat([beam(net, o[None], 3, 20) for o in images]))
        with torch.no_grad(): likely = [net('fic', images, o).log_softmax(2)[:,:-1].gather(2, o[:,1:,None])[...,0] for o in (wide, greedy(net, images, 20))]
        def mean(o, logp): return (logp*(o[:,:-1] != END)).sum(1) / (o[:,:-1] != END).sum(1)
        assert (mean(wide, likely[0]) >= mean(greedy(net, images, 20), likely[1]) - 1e-5).float().mean() > .5


@pytest.mark.parametrize('kind', [torch.float16, torch.bfloat16])
def test_half_precision_is_finite_and_near(kind):
    net = shaken(FameVil(SIZES, bottleneck=16, classes=5))
    images,ids = pairs(4)
    ids[3] = torch.tensor([START] + [END]*76)                                                          # nothing but padding
    small = FameVil(**{k: getattr(net, k) for k in ('clip', 'tasks', 'bottleneck', 'classes')}); small.load_state_dict(net.state_dict()); small.to(kind).eval()
    with torch.no_grad():
        for task in net.tasks:
            a,b = (o(task, images, ids, images.flip(0)) for o in (net, small))
            for x,y in zip(a, b) if isinstance(a, tuple) else [(a, b)]:
                assert y.isfinite().all() and F.cosine_similarity(x.flatten(), y.float().flatten(), dim=0) > .99, task
        with torch.autocast('cpu', dtype=torch.bfloat16):
            for task in net.tasks: assert all(o.isfinite().all() for o in net(task, images, ids, images))
            assert greedy(net, images, 8).shape == (4, 8)


def test_tokenizer_and_network_agree():
    "The last two ids start and end a text, and both find the same end."
    from fashion_repro.text.bytepairs import END as end, START as start, encode_texts, text_ends, train_bytepairs
    tokenizer = train_bytepairs(['a red shirt with long sleeves', 'blue jeans', 'a long red dress'], 600)
    n = len(tokenizer)
    assert tokenizer.convert_tokens_to_ids([start, end]) == [n-2, n-1]
    ids,mask = (torch.as_tensor(o) for o in encode_texts(tokenizer, ['a red dress', '', 'jeans '*100])[:2])
    assert torch.equal(real_tokens(ids, n-1), mask) and torch.equal(torch.as_tensor(text_ends(ids)), mask.sum(1)-1) and ids.shape[1] == 77
