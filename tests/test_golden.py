"""Every worked case of golden.json against the function that computes it.

A case holds inputs, parameters and an expected tree of values, computed once by two independent routes. Here each id is tied to
the real function; the tree it returns is compared leaf by leaf. The last test fails when an id is left out.
"""
import json, math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import tensor

from conftest import find_real_data
from fashion_repro.data.crops import crop_offsets, crop_sides
from fashion_repro.data.fashioniq import counts, read_files
from fashion_repro.data.imaterialist import TASKS, label_columns
from fashion_repro.fame_vil.adapters import Adapter, CrossAdapter
from fashion_repro.fame_vil.attention_maps import head_mean, without_cls
from fashion_repro.fame_vil.distillation import distilled, entropy, soft_cross_entropy, xmr_kd
from fashion_repro.fame_vil.heads import FameVil, Scale
from fashion_repro.fame_vil.losses import FIC_PAD, fic_loss, fic_targets, in_batch, scr_loss, tgir_loss, xmr_loss
from fashion_repro.fame_vil.schedules import multi_step
from fashion_repro.fame_vil.task_batches import TaskBatches, task_shares
from fashion_repro.fashionbert.pieces import patch_grid
from fashion_repro.fashionbert.vse import hinges
from fashion_repro.fashionbert.losses import equation6, loss_weights, match_probability, mlm_loss, mpm_loss, squared_grad_norms, tia_loss
from fashion_repro.fashionbert.masking import n_to_predict, zero_as_released, zero_masked
from fashion_repro.fashionbert.model import PatchBert, layout
from fashion_repro.fashionbert.schedules import warmup_linear
from fashion_repro.ifashion.losses import bce, bce_per_image
from fashion_repro.ledger.papers import load_ledger
from fashion_repro.metrics.attribute_protocols import attribute_protocols, table2_identity
from fashion_repro.metrics.classification import class_scores, shard_macro_f1
from fashion_repro.metrics.composed_retrieval import composed_ranks, galleries, places
from fashion_repro.metrics.group_top1 import group_top1
from fashion_repro.metrics.retrieval import chance_hits, grouped_hits, printed_counts, split_keys, tia_accuracy
from fashion_repro.metrics.topk import class_mean_recall, labels_per_image, topk_image_mean, topk_micro
from fashion_repro.metrics.view_retrieval import Side, ViewLists, full_ranks, list_ranks, masked, rank_metrics, views_found
from fashion_repro.mtss.inference import label_scores, nearest_label
from fashion_repro.mtss.losses import cosine, distillation_loss, hinge_loss, ranking_loss, student_weights, target_prob
from fashion_repro.mtss.sampling import Triplets
from fashion_repro.mtss.schedules import halving, warmup_halving
from fashion_repro.text.wordpieces import word_groups
from fashion_repro.training.batches import Settings, n_steps
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


def fashioniq_counts(inputs, params):
    n = counts(read_files(find_real_data('fashioniq')))
    return {split: n[split] for split in ('train', 'val')}


def imat_label_columns(inputs, params):
    as_text = sorted(str(i) for i in range(1, 229))                          # the trap: where a binariser that sorts strings puts them
    return dict(correct_column=label_columns(inputs['ids']), lexicographic_column=[as_text.index(o) for o in inputs['ids']],
                group_sizes={g: n for g,(_,n) in TASKS.items()}, task_id={g: task for g,(task,_) in TASKS.items()})


def mtss_metrics(inputs, params):
    scores,targets = ({t: f64(x) for t,x in inputs[o].items()} for o in ('scores', 'targets'))
    def at(k):
        m = attribute_protocols(scores, targets, k, category='cat')
        per_type = {t: dict(micro_R=m[f'r_micro_{t}'], F1_all_images=m[f'f1_micro_{t}'], F1_only_images_with_gt=m[f'f1_labelled_{t}'],
                            class_mean_R=m[f'r_class_mean_{t}'], image_mean_R=m[f'r_image_mean_{t}']) for t in scores}
        return dict(per_type=per_type, All_sum_types_with_category_R=m['r_micro_all'], All_sum_types_with_category_F1=m['f1_micro_all'],
                    All_sum_types_without_category_R=m['r_attribute_all'], All_global_topk_R=m['r_global_all'])
    return {f'k={k}': at(k) for k in params['k']}


def mtss_table2_identity(inputs, params):
    def at(k, recall, f1):
        o = table2_identity(recall/100, f1/100, k, types=6)
        return dict(P=o['precision'], R_over_P_over_k=o['ratio'], labels_per_image_if_6_predictions=o['labels_per_image'])
    return {f'k={k}': at(int(k), *row) for k,row in inputs['rows'].items()}


def mtss_teacher_loss(inputs, params):
    def readings(pos, neg, gamma):
        for pt in ('literal','clamped','quarter'):
            p,loss = target_prob(pos, neg, pt).item(),ranking_loss(pos, neg, gamma, pt).item()
            assert math.isfinite(loss)                                       # where the printed formula has log 0, ours has a floor
            yield pt, dict(p_t=p, loss=loss if p else None)
    rows = [(f64(pos), f64(neg), gamma) for pos,neg,gamma in inputs['rows']]
    return [dict(d_pos=pos.item(), d_neg=neg.item(), gamma=gamma, hinge_eq1=hinge_loss(pos, neg).item(), **dict(readings(pos, neg, gamma))) for pos,neg,gamma in rows]


def mtss_teacher_grad(inputs, params):
    def slope(pos, neg, gamma):
        c = f64(pos).requires_grad_()
        ranking_loss(c, f64(neg), gamma, 'literal').backward()
        return c.grad.item()
    return [dict(d_pos=pos, d_neg=neg, gamma=gamma, dloss_dDelta=slope(pos, neg, gamma)) for pos,neg,gamma in inputs['rows']]


def mtss_teacher_vectors(inputs, params):
    e_pos,e_neg = f64(inputs['e_pos']),f64(inputs['e_neg'])
    def norm(scale):
        d = (scale*f64(inputs['d'])).requires_grad_()
        loss = ranking_loss(cosine(d, e_pos), cosine(d, e_neg), params['gamma'])
        loss.backward()
        return loss.item(), d.grad.norm().item()
    pos,neg = cosine(f64(inputs['d']), e_pos),cosine(f64(inputs['d']), e_neg)
    return dict(cos_pos=pos.item(), cos_neg=neg.item(), p_t=target_prob(pos, neg).item(), loss=norm(1)[0], grad_norm_wrt_d=norm(1)[1],
                grad_norm_wrt_d_if_d_scaled_by_10=norm(10)[1])


def mtss_student_loss(inputs, params):
    e_t,e_s = (list(f64(inputs[k]).unbind(1)) for k in ('e_teacher','e_student'))    # (images, types, D) -> (images, D) for each type
    dictionaries = [f64(d) for d in inputs['dictionaries']]
    def weights(beta, part): return torch.stack([student_weights(t, d, beta)[part] for t,d in zip(e_t, dictionaries)], 1).tolist()
    found = {}
    for beta in params['beta']:
        loss = distillation_loss(e_s, e_t, dictionaries, beta)
        found[f'beta={beta}'] = dict(weights=weights(beta, 0), per_image=loss.tolist(), loss=loss.mean().item())
    return dict(found, nearest_label=weights(1, 1))


def mtss_inference(inputs, params):
    scores = [label_scores(e, f64(d)) for e,d in zip(f64(inputs['e_student']).unbind(1), inputs['dictionaries'])]    # a (images, K) for each type
    return dict(cosines=[[s.tolist() for s in image] for image in zip(*scores)], argmax=torch.stack([nearest_label(s) for s in scores], 1).tolist())


def mtss_lr(inputs, params):
    images,epochs = 300_000,dict(teacher=40, student=100)
    teacher,student = halving(10, epochs['teacher']),warmup_halving(1_000_000, images, epochs['student'])
    return dict(student=[.4*student(n/(images*epochs['student'])) for n in inputs['student_images']],
                teacher=[.2*teacher(e/epochs['teacher']) for e in inputs['teacher_epochs']],
                teacher_iterations_per_epoch_bs128=[images//128, n_steps(images, Settings(epochs=1, batch_size=128))])


def mtss_sampler(inputs, params):
    labels = torch.eye(inputs['classes']+5, dtype=torch.uint8).repeat_interleave(torch.arange(inputs['classes']+5)+3, 0)    # 45 classes of 3 to 47 pictures
    epoch = Triplets(range(len(labels)), labels, inputs['draws'], top=inputs['classes'])
    per_class = set(torch.tensor(epoch.plan(0)[0]).bincount().tolist())
    batch,schedule = params['batch'],warmup_halving(1_000_000, inputs['draws'], 100)
    steps = next(k for k in range(len(epoch)) if schedule(k*batch/(100*len(epoch))) == 1)                                   # the first at the full rate
    assert len(per_class) == 1 and len(epoch.classes) == inputs['classes'] and 4 not in epoch.classes                       # the five smallest are not drawn
    return dict(draws_per_class=per_class.pop(), iterations_drop_last=len(epoch)//batch, student_warmup_iterations_at_128=steps,
                epochs_of_warmup=1_000_000/len(epoch))


def fashionbert_patch_grid(inputs, params):
    H,W = inputs['height'],inputs['width']
    cut = patch_grid(13*torch.arange(H)[:,None].numpy() + torch.arange(W).numpy(), tuple(inputs['grid']))
    return dict(patch_h=cut.shape[1], patch_w=cut.shape[2], top_left_and_bottom_right=[[int(o[0,0]), int(o[-1,-1])] for o in cut])


def fashionbert_rank_ceiling(inputs, params):
    n,ks = inputs['candidates'],(1, 10, 100)
    return dict({f'uniform_random_rank_at_{k}': h for k,h in zip(ks, chance_hits(n, ks))}, majority_accuracy=tia_accuracy(np.zeros(n), np.arange(n)==0)['majority'])


def fashionbert_key_split(inputs, params):
    ids,scores,labels = zip(*inputs['docs'])
    (n_split,split),(n,correct) = (grouped_hits(keys, scores, labels, (1,)) for keys in (split_keys(ids, params['batch']), ids))
    return dict(groups_split=n_split, rank1_split=split[0], groups_correct=n, rank1_correct=correct[0])


def fashionbert_readme_rationals(inputs, params):
    found = {}
    for way,o in inputs.items():
        groups,hits = printed_counts(list(o['rank'].values()), range(200, 5001))
        pairs,[correct] = printed_counts([o['acc']], range(1000, 120_001))
        found[way] = dict(query_groups=groups, hits=dict(zip(o['rank'], hits)), pairs=pairs, correct=correct)
    return dict(found, all_negative_accuracy=[1 - o['hits']['100']/o['pairs'] for o in found.values()])


def fashionbert_vse(inputs, params):
    scores,products = f64(inputs['text']) @ f64(inputs['image']).T,torch.arange(len(inputs['text']))
    found = {name: hinges(scores, products, params['margin'], hardest).item() for name,hardest in (('vse_sum', False), ('vsepp_max', True))}
    return dict(found, scores=scores.T.tolist())                              # the case has images in rows


def fashionbert_eq6(inputs, params):
    def at(g): return dict(g=g, eq6=equation6(f64(g)).tolist())
    assert len(inputs['g']) == params['L']
    return dict(eq6=at(inputs['g'])['eq6'], stationary_point_of_eq5_over_ordered_pairs=equation6(f64(inputs['g']), bound=2*params['L']).tolist(),
                g_out_of_range=[at(g) for g in ([.2,.5,4.], [.2,.5,2.99], [40.,50.,60.])])


def fashionbert_official_weights(inputs, params):
    losses = f64(inputs['losses']).requires_grad_()
    def total(stopgrad): return (loss_weights(losses, stopgrad=stopgrad).w*losses).sum()
    def slope(stopgrad): return torch.autograd.grad(total(stopgrad), losses)[0].tolist()
    got,extreme = loss_weights(losses),loss_weights(f64([1000., 0., 0.])).w
    return dict(softmax_squared=got.g.tolist(), weights=got.w.tolist(), total=total(True).item(), dtotal_dloss_no_stop_gradient=slope(False),
                dtotal_dloss_with_stop_gradient=slope(True), weight_range=[extreme.min().item(), extreme.max().item()])


def fashionbert_grad_norm(inputs, params):
    theta = f64(inputs['theta']).requires_grad_()
    losses = torch.stack([(2*theta[0] + theta[1])**2, torch.sigmoid(3*theta[2]), .5*theta.square().sum()])    # as the case words them
    g = squared_grad_norms(losses, [theta])
    part = loss_weights(losses, g, 'grad_norm_over_sum')
    return dict(g=g.tolist(), eq6_raw=equation6(g).tolist(), g_over_sum=part.g.tolist(), eq6_normalised=part.w.tolist())


def fashionbert_mpm(inputs, params):
    pred,target = f64(inputs['pred_logits']),f64(inputs['target_features'])
    def each(kl): return [[mpm_loss(p[None], t[None], kl).item() for p,t in zip(*image)] for image in zip(pred, target)]
    def mean(kl): return mpm_loss(pred.flatten(0, 1), target.flatten(0, 1), kl).item()
    return dict(target_vs_pred=each('target_pred'), pred_vs_target=each('pred_target'), mean_target_vs_pred=mean('target_pred'),
                mean_pred_vs_target=mean('pred_target'), torch_reduction_mean=mean('target_pred')/pred.shape[-1])


def fashionbert_mlm(inputs, params):
    logits,ids,weights = f64(inputs['logits']),tensor(inputs['ids']),tensor(inputs['weights'])
    targets = ids.where(weights > 0, -100)
    return dict(nll=[[mlm_loss(z[None], y[None], eps=0).item() for z,y in zip(*row)] for row in zip(logits, ids)], loss=mlm_loss(logits, targets, params.get('eps', 1e-5)).item(),
                mean_of_per_sentence_means=sum(mlm_loss(z, y, eps=0).item() for z,y in zip(logits, targets))/len(logits))


def fashionbert_tia(inputs, params):
    logits = f64(inputs['logits'])
    p = match_probability(logits)
    return dict(loss=tia_loss(logits, tensor(inputs['labels'])).item(), p_match=p.tolist(), raw_logit1=logits[:,1].tolist(),
                rank_by_p=p.argsort(descending=True).tolist(), rank_by_logit1=logits[:,1].argsort(descending=True).tolist())


def fashionbert_rank_score(inputs, params):
    logits = f64(inputs['logits'])
    p = match_probability(logits)
    return dict(p_match=p.tolist(), first_by_logit1=logits[:,1].argmax().item(), first_by_p=p.argmax().item())


def fashionbert_wwm(inputs, params):
    n = len(inputs['tokens'])
    share = params['prob']*n
    return dict(groups=word_groups(inputs['tokens']), num_to_predict=n_to_predict(n, params['prob'], params['max_predictions']),
                python2_round=math.floor(share+.5), python3_round=round(share))


def fashionbert_mask_duplicates(inputs, params):
    patches,positions = f64(inputs['patches']),tensor(inputs['positions'])
    masked = torch.zeros(len(patches), dtype=torch.bool).index_fill(0, positions, True)
    return dict(one_minus_sum=zero_as_released(patches, positions).tolist(), correct_zero=zero_masked(patches, masked).tolist())


def fashionbert_lr(inputs, params):
    def rates(decay): return [params['base']*warmup_linear(params['warmup']/params['total'], decay)(s/params['total']) for s in inputs['steps']]
    return dict(decay_from_warmup_end=rates('from_warmup'), bert_decay_from_zero=rates('from_start'), public_code_product=rates('product'))


def fashionbert_layout(inputs, params):
    "What the network does, not what a table says: keys are what somebody looks at, patches what moves when they move."
    torch.manual_seed(0)
    text,there = (tensor([inputs[k]], dtype=torch.bool) for k in ('text_mask','patch_mask'))
    n,m = text.shape[1],there.shape[1]
    net = PatchBert(9, hidden=8, layers=1, heads=2, intermediate=8, max_text=n, m=m, F=5).eval()
    ids,pieces,at = torch.arange(n)[None]+1,torch.rand(1, m, 5),layout(text, there)
    hidden,pooled = net(ids, text, pieces, there)
    cls = [i for i,h in enumerate(hidden[0]) if torch.allclose(net.bert.pooler.dense(h).tanh(), pooled[0])]
    moved = (net.embed(ids, pieces+1, at, None) - net.embed(ids, pieces, at, None)).abs().sum(2)[0].nonzero()[:,0].tolist()
    return dict(length=hidden.shape[1], key_mask=(net.attentions(ids, text, pieces, there)[0,0].amax((0,1)) > 0).int().tolist(), text_positions=at.text_positions.tolist(),
                patch_positions_own_table=at.piece_positions.tolist(), text_segments=at.text_segments[0].tolist(), patch_types_own_table=at.piece_types.tolist(),
                cls_index=cls[0], patch_slice=[moved[0], moved[-1]+1])


def adapter_of(weights, scale):
    "The adapter of a worked case."
    adapter = Adapter(len(weights['W_up']), len(weights['W_down'])).double()
    for part,w,b in ((adapter.down, 'W_down', 'b_down'), (adapter.up, 'W_up', 'b_up')): part.weight.data,part.bias.data = f64(weights[w]),f64(weights[b])
    adapter.scale.data = f64(scale)
    return adapter


def fame_adapter(inputs, params):
    x,adapter = f64(inputs['x']),adapter_of(inputs, params['scale'])
    out,start = adapter(x).tolist(),Adapter(4, 2).double()(x).tolist()
    adapter.norm = torch.nn.Identity()
    return dict(out=out, out_at_init_up_zero=start, out_without_inner_layernorm=adapter(x).tolist())


def fame_xaa(inputs, params):
    x,other,keys = f64([inputs['hidden']]),f64([inputs['context']]),tensor([[True,True,False]])
    xaa = CrossAdapter(4, 3, params['heads'], 2).double()
    for name in 'qkv':
        part = getattr(xaa, name)
        part.weight.data = f64(inputs[f'W{name}']); part.bias.data.zero_()
    xaa.adapter = adapter_of(inputs['adapter'], inputs['adapter']['scale'])
    found = dict(attention=xaa.attention(x, other)[0].tolist(), out=xaa(x, other)[0].tolist(),
                 attention_last_key_masked=xaa.attention(x, other, keys)[0].tolist(), out_last_key_masked=xaa(x, other, keys)[0].tolist())
    xaa.adapter = torch.nn.Identity()
    return found | dict(concat=xaa(x, other)[0].tolist())


def fame_attn_map(inputs, params):
    attention = f64([inputs['attention']])
    row = head_mean(attention, torch.eye(attention.shape[2])[[inputs['text_row']]])[0]
    return dict(head_mean=row.tolist(), without_cls=row[1:].tolist(), renormalised=without_cls(row).tolist())


def fame_tau(inputs, params): return dict(tau=[Scale(s).double().tau.item() for s in inputs['scale']])


def fame_xmr(inputs, params):
    scale,image,text = Scale(params['scale']).double(),f64(inputs['image']),f64(inputs['text'])
    v,t = scale(image),scale(text)
    loss = xmr_loss(v, t)
    loss.backward()
    slope, = (p.grad.item() for p in scale.parameters())
    def at(s): return xmr_loss(Scale(s).double()(image), Scale(s).double()(text)).item()
    return dict(logits=in_batch(v, t)[0].tolist(), loss=loss.item(), i2t=tgir_loss(v, t).item(), t2i=tgir_loss(t, v).item(), dloss_dscale=slope,
                loss_if_logits_scaled_by_s_only=at(math.sqrt(params['scale'])), loss_clip_scale_100=at(10.))


def fame_tgir(inputs, params):
    scale,(ref,text,target) = Scale(params['scale']).double(),(f64(inputs[k]) for k in ('ref','text','target'))
    query,norm = scale(ref + text),torch.nn.functional.normalize
    return dict(logits=in_batch(query, scale(target))[0].tolist(), loss=tgir_loss(query, scale(target)).item(), loss_if_symmetric=xmr_loss(query, scale(target)).item(),
                loss_if_addends_normalised_first=tgir_loss(scale(norm(ref, dim=1) + norm(text, dim=1)), scale(target)).item())


def fame_cap(inputs, params):
    logits,ids = f64(inputs['logits']),tensor(inputs['input_ids'])
    targets = [fic_targets(ids, params['eos_and_pad'], o) for o in FIC_PAD]
    everything,real = (fic_loss(logits, t).item() for t in targets)
    return dict(released_all_positions=everything, ignoring_positions_after_first_eos=real, n_positions=[int((t >= 0).sum()) for t in targets])


def fame_kd_tgir(inputs, params):
    student,teacher = f64(inputs['student_logits']),in_batch(f64(inputs['teacher_comp']), f64(inputs['teacher_target']))[0]
    kd,rest = soft_cross_entropy(student, teacher),entropy(teacher)
    gt = scr_loss(student, torch.arange(len(student)))
    return dict(teacher_logits=teacher.tolist(), kd=kd.item(), teacher_entropy=rest.item(), kl=(kd - rest).item(), total_b1=distilled(gt, kd).item())


def fame_kd_xmr(inputs, params):
    image,text,teacher_image,teacher_text = (f64(inputs[k]) for k in ('student_image','student_text','teacher_image','teacher_text'))
    def slope(loss): return torch.autograd.grad(loss, image)[0].norm().item()
    image.requires_grad_()
    intended,released = (xmr_kd(image, text, teacher_image, teacher_text, kind) for kind in ('intended','as_released'))
    constant = (soft_cross_entropy(image @ text.T, teacher_image @ text.T) + soft_cross_entropy(text @ image.T, (teacher_text @ image.T).detach()))/2
    return dict(intended=intended.item(), released_code=released.item(),
                grad_norm_student_image=dict(intended=slope(intended), released=slope(released), released_with_detached_targets=slope(constant)))


def fame_scr_kd(inputs, params):
    student,teacher = f64(inputs['student_logits']),f64(inputs['teacher_logits'])
    gt,kd = scr_loss(student, tensor(inputs['labels'])),soft_cross_entropy(student, teacher)
    return dict(gt=gt.item(), kd=kd.item(), total_b1=distilled(gt, kd, params['b']).item(), total_b0_5=distilled(gt, kd, .5).item())


def fame_sampling(inputs, params):
    sizes,steps = dict(enumerate(inputs['sizes'])),params['iterations']
    class Items(list):
        def __len__(self): return self[0]
    epochs = TaskBatches({task: Items([n]) for task,n in sizes.items()}, params['batch']).epochs_of(steps)
    shares = task_shares(sizes)
    assert math.isclose(epochs, params['batch']*steps/sum(inputs['sizes']), rel_tol=1e-3)     # an epoch is a whole number of steps
    return dict(prob=[*shares.values()], expected_iterations=[p*steps for p in shares.values()], expected_epochs=[shares[t]*steps*params['batch']/n for t,n in sizes.items()])


def fame_lr(inputs, params):
    total = 90_000
    schedule = multi_step(params['warmup']/total, params['factor'], [s/total for s in params['lr_steps']], params['ratio'])
    def rates(base): return [base*schedule(s/total) for s in inputs['steps']]
    return dict(backbone_1e_6=rates(1e-6), adapters_heads_xaa_1e_4=rates(1e-4))


def fame_retrieval_full(inputs, params):
    image,text = (torch.nn.functional.normalize(f64(inputs[k]), dim=1) for k in ('image','text'))
    views,texts = Side(inputs['image_product']),Side(inputs['text_product'])
    first = np.unique(views.products, return_index=True)[1]
    m = rank_metrics(dict(i2t=full_ranks(image, text, views, texts), t2i=full_ranks(text, image, texts, views)), params['k'])
    return {f'{way}_R{k}': m[f'{way}_r{k}'] for way in ('i2t','t2i') for k in params['k']} | dict(similarity=(image @ text.T).tolist(),
        t2i_R1_first_view_only_gallery=rank_metrics(dict(t2i=full_ranks(text, image[first], texts, Side(views.products[first]))))['t2i_r1'],
        t2i_mean_fraction_of_views_retrieved_at_2=views_found(text, image, texts, views, k=2))


def fame_kaleido_mask(inputs, params):
    s,true = f64(inputs['similarities']),inputs['true_index']
    candidates = np.flatnonzero(inputs['is_candidate'])
    asked = ViewLists(np.array([0]), np.array([[true, *candidates[candidates != true]]]), np.array([0]))
    as_coded,repaired = (list_ranks(torch.ones(1, 1).double(), s[:,None], asked, outside)[0] for outside in (-1., -math.inf))
    return dict(masked=masked(s.numpy(), inputs['is_candidate'], -1.).tolist(), rank_of_true_as_coded=as_coded, rank_of_true_with_minus_inf=repaired)


def fame_fashioniq_gallery(inputs, params):
    query,vectors = (torch.nn.functional.normalize(f64(inputs[k]), dim=1) for k in ('query','gallery'))
    found = galleries(inputs['gallery_ids'], inputs['references'], inputs['targets'])
    def recall(gallery, without):
        references,targets = (places(gallery, inputs[k]) for k in ('references','targets'))
        return (composed_ranks(query, vectors[places(inputs['gallery_ids'], gallery)], targets, references if without else None) <= params['k']).mean().item()
    both = {f'{name}{word}': recall(found[kind], without) for name,kind in (('full','original'), ('union','val_union')) for word,without in (('', False), ('_without_reference', True))}
    return dict(both, union_size=len(found['val_union']))


def fame_macro_f1_shards(inputs, params):
    y,p = inputs['y_true'],inputs['y_pred']
    scores = class_scores(y, p, 3)
    return dict(global_macro_f1=scores['macro_f1'], mean_of_shards=shard_macro_f1(y, p, 3, params['devices']), accuracy=scores['accuracy'])


def fame_param_counts(inputs, params):
    def count(m): return sum(p.numel() for p in m.parameters())
    with torch.device('meta'): net = FameVil(bottleneck=params['bottleneck'])
    trunk,heads = net.trunk,net.heads
    return dict(clip=count(trunk.clip), tsa_vision_layer=count(trunk.tsa['tgir']['vision'][0]), tsa_text_layer=count(trunk.tsa['tgir']['text'][0]), tsa_per_task=count(trunk.tsa['tgir']), tsa_four_tasks=count(trunk.tsa),
                xaa_vision_layer=count(trunk.xaa['vision'][0]), xaa_text_layer=count(trunk.xaa['text'][0]), xaa_all_layers=count(trunk.xaa), scr_head_121=count(heads['scr']), caption_head_untied=count(heads['fic']),
                two_scales=count(heads['xmr'])+count(heads['tgir']), mtl_total=count(net))


TABLE = {
    'ifashion.bce': ifashion_bce,
    'ifashion.weighted_bce': ifashion_weighted_bce,
    'ifashion.topk_micro': ifashion_topk_micro,
    'ifashion.table3_label_density': ifashion_label_density,
    'ifashion.group_top1': ifashion_group_top1,
    'ifashion.rmsprop': ifashion_rmsprop,
    'ifashion.crops': ifashion_crops,
    'dataset.imat_label_columns': imat_label_columns,
    'dataset.fashioniq_counts': fashioniq_counts,
    'fashionbert.vse': fashionbert_vse,
    'mtss.teacher_loss': mtss_teacher_loss,
    'mtss.teacher_grad': mtss_teacher_grad,
    'mtss.teacher_vectors': mtss_teacher_vectors,
    'mtss.student_loss': mtss_student_loss,
    'mtss.inference': mtss_inference,
    'mtss.lr': mtss_lr,
    'mtss.sampler': mtss_sampler,
    'mtss.metrics': mtss_metrics,
    'mtss.table2_identity': mtss_table2_identity,
    'fashionbert.rank_ceiling': fashionbert_rank_ceiling,
    'fashionbert.key_split': fashionbert_key_split,
    'fashionbert.readme_rationals': fashionbert_readme_rationals,
    'fashionbert.patch_grid': fashionbert_patch_grid,
    'fashionbert.eq6': fashionbert_eq6,
    'fashionbert.official_weights': fashionbert_official_weights,
    'fashionbert.grad_norm': fashionbert_grad_norm,
    'fashionbert.mpm': fashionbert_mpm,
    'fashionbert.mlm': fashionbert_mlm,
    'fashionbert.tia': fashionbert_tia,
    'fashionbert.rank_score': fashionbert_rank_score,
    'fashionbert.wwm': fashionbert_wwm,
    'fashionbert.mask_duplicates': fashionbert_mask_duplicates,
    'fashionbert.lr': fashionbert_lr,
    'fashionbert.layout': fashionbert_layout,
    'fame.adapter': fame_adapter,
    'fame.xaa': fame_xaa,
    'fame.attn_map': fame_attn_map,
    'fame.tau': fame_tau,
    'fame.param_counts': fame_param_counts,
    'fame.xmr': fame_xmr,
    'fame.tgir': fame_tgir,
    'fame.cap': fame_cap,
    'fame.kd_tgir': fame_kd_tgir,
    'fame.kd_xmr': fame_kd_xmr,
    'fame.scr_kd': fame_scr_kd,
    'fame.sampling': fame_sampling,
    'fame.lr': fame_lr,
    'fame.retrieval_full': fame_retrieval_full,
    'fame.kaleido_mask': fame_kaleido_mask,
    'fame.fashioniq_gallery': fame_fashioniq_gallery,
    'fame.macro_f1_shards': fame_macro_f1_shards,
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
    assert TABLE.keys() == CASES.keys()


def test_the_comparison_can_fail():
    for got,expected in (({'a':1.}, {'a':1.1}), ({'a':1.}, {'a':1.,'b':2}), ([1,2], [1]), (None, 0.), (1., None), ('x','y')):
        with pytest.raises((AssertionError, TypeError)): assert_tree(got, expected, 1e-6, 'here')
    assert_tree({'a':[1.,math.inf]}, {'a':[1.+1e-9,None]}, 1e-6, 'here')
