import torch

from models.blocks.attention import AttentiveStatistics, TemporalAttention


def test_attentive_statistics_are_weighted_moments() -> None:
    pool = AttentiveStatistics(4, 8).eval()
    x_BDT = torch.randn(3, 4, 20)
    weights_BDT = pool.weights(x_BDT)
    torch.testing.assert_close(weights_BDT.sum(-1), torch.ones(3, 4))
    mean_BD = (weights_BDT * x_BDT).sum(-1)
    deviation_BD = ((weights_BDT * x_BDT.square()).sum(-1) - mean_BD.square()).sqrt()
    torch.testing.assert_close(pool(x_BDT), torch.cat([mean_BD, deviation_BD], 1))


def test_weights_see_the_whole_clip_only_with_context() -> None:
    x_BDT = torch.randn(1, 4, 20)
    louder_BDT = torch.cat([x_BDT, 5 * x_BDT], -1)
    for context, same in ((True, False), (False, True)):
        pool = AttentiveStatistics(4, 8, context=context).eval()
        pairs = [(w / w[..., :1]) for w in (pool.weights(x_BDT), pool.weights(louder_BDT)[..., :20])]
        assert torch.allclose(*pairs, rtol=1e-3) is same


def test_attentive_statistics_of_constant_frames_have_a_finite_gradient() -> None:
    x_BDT = torch.ones(2, 4, 6, requires_grad=True)
    AttentiveStatistics(4, 8)(x_BDT).sum().backward()
    assert x_BDT.grad is not None
    assert x_BDT.grad.isfinite().all()


def test_temporal_attention_follows_its_formula() -> None:
    attention = TemporalAttention(5)
    states_BTH = torch.randn(1, 7, 5)
    last_H = states_BTH[0, -1]
    score_T = torch.stack([torch.dot(attention.query.weight @ state_H, last_H) for state_H in states_BTH[0]])
    weights_T = score_T.softmax(0)
    torch.testing.assert_close(attention.weights(states_BTH)[0], weights_T)
    context_H = weights_T @ states_BTH[0]
    wanted_H = torch.tanh(attention.mix.weight @ torch.cat([context_H, last_H]))
    torch.testing.assert_close(attention(states_BTH)[0], wanted_H)
