"""Every worked case of golden.json against the function that computes it.

A case holds inputs, parameters and an expected tree of values, computed once by two independent routes. Here each id is tied to
the real function; the tree it returns is compared leaf by leaf. Cases of methods that do not exist yet stand in LATER, by paper,
and the last test fails when an id is in neither table.
"""
import json, math
from pathlib import Path

import pytest
import torch
from torch import tensor

from fashion_repro.data.crops import crop_offsets, crop_sides
from fashion_repro.data.imaterialist import TASKS, label_columns
from fashion_repro.ifashion.losses import bce, bce_per_image
from fashion_repro.ledger.papers import load_ledger
from fashion_repro.metrics.group_top1 import group_top1
from fashion_repro.metrics.topk import class_mean_recall, labels_per_image, topk_image_mean, topk_micro
from fashion_repro.training.optim import RMSpropTF

CASES = {c['id']: c for c in json.loads((Path(__file__).parent/'golden'/'golden.json').read_text())['cases']}


def f64(x): return tensor(x, dtype=torch.float64)


def ifashion_bce(inputs, params):
    z,y = f64(inputs['logits']),f64(inputs['targets'])
    one_by_one = [[bce_per_image(a.view(1,1), b.view(1,1)).item() for a,b in zip(*row)] for row in zip(z,y)]
    paper,mean = bce(z, y).item(),bce(z, y, 'mean').item()
    return dict(elementwise=one_by_one, paper_sum_classes_mean_batch=paper, mean_all=mean, ratio=paper/mean)


def ifashion_weighted_bce(inputs, params):
    z,y,weights = f64(inputs['logits']),f64(inputs['targets']),(params['w_pos'],params['w_neg'])
    one_by_one = [[bce_per_image(a.view(1,1), b.view(1,1), weights=weights).item() for a,b in zip(*row)] for row in zip(z,y)]
    return dict(elementwise=one_by_one, sum_classes_mean_batch=bce(z, y, weights=weights).item())


def ifashion_topk_micro(inputs, params):
    scores,targets,k = f64(inputs['scores']),tensor(inputs['targets']),params['k']
    m,means = topk_micro(scores, targets, k),topk_image_mean(scores, targets, k)
    return dict(tp=m['tp'], n_pred=m['n_pred'], n_gt=m['n_true'], micro_P=m['precision'], micro_R=m['recall'], micro_F1=m['f1'],
                mean_over_images=dict(P=means['precision'], R=means['recall'], F1=means['f1']),
                class_mean_R_over_present_classes=class_mean_recall(scores, targets, k))


def ifashion_label_density(inputs, params):
    return {f'{split}_labels_per_image': labels_per_image(o['P'], o['R'], params['k']) for split,o in inputs.items()}


def ifashion_group_top1(inputs, params):
    got = group_top1(f64(inputs['scores']), tensor(inputs['targets']), inputs['groups'])
    return {g: dict(hit_rate_on_images_with_label=o['hit_rate'], micro_recall=o['micro_recall']) for g,o in got.items()}


def ifashion_rmsprop(inputs, params):
    def descend(optimizer, **settings):
        w = f64(inputs['w0']).requires_grad_()
        opt = optimizer([w], lr=params['lr'], momentum=params['momentum'], **settings)
        for _ in range(inputs['steps']):
            w.grad = torch.full_like(w, inputs['grad'])
            opt.step()
        return w.item()
    tf = dict(optimizer=RMSpropTF, decay=params['decay'])
    literal = dict(optimizer=torch.optim.RMSprop, alpha=params['decay'])
    return dict(tf_eps1_ms_init_ones=descend(**tf, eps=1.), tf_eps1e_10_ms_init_ones=descend(**tf, eps=1e-10),
                torch_eps1e_8_ms_init_zero=descend(**literal, eps=1e-8), torch_eps1_ms_init_zero=descend(**literal, eps=1.))


def ifashion_crops(inputs, params):
    small,large = inputs['N']
    w,h = inputs['w'],inputs['h']
    def offsets(points): return [list(o) for o in crop_offsets(small, w, h, points=points)]
    return dict(sides_256=list(crop_sides(small)), sides_336=list(crop_sides(large)),
                stated_M=[crop_sides(n)[1] for n in (small,large)],          # .9375 N is the second side
                used_M=load_ledger('ifashion').hyperparameters['network_input_M']['value'],
                offsets_5_for_256_240x224=offsets(5), offsets_13_for_256_240x224=offsets(13))


def imat_label_columns(inputs, params):
    as_text = sorted(str(i) for i in range(1, 229))                          # the trap: where a binariser that sorts strings puts them
    return dict(correct_column=label_columns(inputs['ids']), lexicographic_column=[as_text.index(o) for o in inputs['ids']],
                group_sizes={g: n for g,(_,n) in TASKS.items()}, task_id={g: task for g,(task,_) in TASKS.items()})


TABLE = {
    'ifashion.bce': ifashion_bce,
    'ifashion.weighted_bce': ifashion_weighted_bce,
    'ifashion.topk_micro': ifashion_topk_micro,
    'ifashion.table3_label_density': ifashion_label_density,
    'ifashion.group_top1': ifashion_group_top1,
    'ifashion.rmsprop': ifashion_rmsprop,
    'ifashion.crops': ifashion_crops,
    'dataset.imat_label_columns': imat_label_columns,
}

LATER = {  # ids whose function does not exist yet; a paper that is built moves its ids to TABLE
    'mtss': {'inference', 'lr', 'metrics', 'sampler', 'student_loss', 'table2_identity', 'teacher_grad', 'teacher_loss',
             'teacher_vectors'},
    'fashionbert': {'eq6', 'grad_norm', 'key_split', 'layout', 'lr', 'mask_duplicates', 'mlm', 'mpm', 'official_weights',
                    'patch_grid', 'rank_ceiling', 'rank_score', 'readme_rationals', 'tia', 'vse', 'wwm'},
    'fame': {'adapter', 'attn_map', 'cap', 'fashioniq_gallery', 'kaleido_mask', 'kd_tgir', 'kd_xmr', 'lr', 'macro_f1_shards',
             'param_counts', 'retrieval_full', 'sampling', 'scr_kd', 'tau', 'tgir', 'xaa', 'xmr'},
    'dataset': {'fashioniq_counts'},
}


def assert_tree(got, expected, tol, where):
    "Compare two trees of dicts, lists and numbers leaf by leaf; the keys and lengths must agree too."
    if isinstance(expected, dict):
        assert isinstance(got, dict) and got.keys()==expected.keys(), f'{where}: keys {sorted(got)} instead of {sorted(expected)}'
        for k in expected: assert_tree(got[k], expected[k], tol, f'{where}.{k}')
    elif isinstance(expected, list):
        assert len(got)==len(expected), f'{where}: {len(got)} values instead of {len(expected)}'
        for i,(a,b) in enumerate(zip(got, expected)): assert_tree(a, b, tol, f'{where}[{i}]')
    elif expected is None: assert got is None or math.isinf(got) or math.isnan(got), f'{where}: {got} instead of undefined'
    elif isinstance(expected, (bool,str)): assert got==expected, f'{where}: {got!r} instead of {expected!r}'
    else: assert math.isclose(got, expected, rel_tol=tol, abs_tol=tol), f'{where}: {got} instead of {expected}'


@pytest.mark.parametrize('name', TABLE)
def test_golden(name):
    case = CASES[name]
    assert_tree(TABLE[name](case['inputs'], case['params']), case['expected'], case['tolerance'], name)


def test_no_case_is_left_out():
    later = {f'{paper}.{name}' for paper,names in LATER.items() for name in names}
    assert not later & TABLE.keys(), 'both in the table and in LATER'
    assert later | TABLE.keys() == CASES.keys()


def test_the_comparison_can_fail():
    for got,expected in (({'a':1.}, {'a':1.1}), ({'a':1.}, {'a':1.,'b':2}), ([1,2], [1]), (None, 0.), (1., None), ('x','y')):
        with pytest.raises((AssertionError, TypeError)): assert_tree(got, expected, 1e-6, 'here')
    assert_tree({'a':[1.,math.inf]}, {'a':[1.+1e-9,None]}, 1e-6, 'here')
