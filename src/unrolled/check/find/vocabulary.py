"""Words that learners use, in several languages, without case and underscores; how they combine is in `names.py`."""

from __future__ import annotations

__all__ = ["BASES", "GATES", "HEADS", "QUALIFIERS", "RNN_WEIGHTS", "SIZES"]

# A word may be of several: the first base is the likelier.
BASES: dict[str, str] = {
    "x": "x xs xt xi xin inp input inputs inputdata data sequence seq timestep xcur frame token embedding "
    "entrada eingabe entree ingresso вход 输入",
    "h": "a as h hs s act acts activation activations hidden hiddens hiddenstate hiddenstates hstate state "
    "states st hid zustand zustande estado estados etat stato 隐藏状态 隐状态 状态 layer",
    "c": "c cs cell cells cellstate cellstates cstate mem memory memorycell carry celda zelle zellzustand "
    "cellule 细胞状态 记忆",
    "y": "y ys yt yhat yhats ypred ypreds yp pred preds prediction predictions predicted prob probs "
    "probabilities p out outs vorhersage vorhersagen predicha prediccion predicciones 预测 ausgaben "
    "salida "
    "output outputs",
    "f": "f fs ft forget forgetgate fgate gatef gf gammaf forgettinggate vergessen vergessenstor olvido "
    "olvidar oubli 遗忘门 遗忘",
    "i": "i is it inputgate igate gatei gi gammai ig gammau 输入门 eingang",
    "u": "u us ut z zs zt update updategate updatinggate gammau zgate ugate gateu gatez gu gz actualizar "
    "actualizacion erneuern maj 更新门 更新",
    "g": "g gs gt cct ccts cc candidate candidates cand candidatecell candidatevalue ccandidate ctilde cbar "
    "chat cellcandidate gate ctemp cdash kandidat candidato candidat 候选值 候选 ccand cellgate atilde "
    "htilde "
    "hhat hcandidate n nt newgate",
    "o": "o os ot outputgate ogate gateo go gammao og ausgabe output 输出门 输出 sortie",
    "r": "r rs rt reset resetgate rgate gater gr gammar relevance relevancegate relevancia 重置门",
}

# Which one of a state: before this step, after it, at the start; or nothing of the kind.
QUALIFIERS: dict[str, str] = {
    "prev": "previous prev prv last old past before tminus1 tm1 t1 minus1 vorher vorige anterior precedent "
    "precedente pre later",
    "next": "next nxt new current curr cur now updated 1 siguiente sig neu nuevo suivant carried",
    "init": "initial init 0 zero first start inicial anfang anfangs",
    "": "t step s list all seq arr array total ts",
}

# Sizes, as classes keep them.
SIZES: dict[str, str] = {
    "n_a": "na nh h hidden hiddensize hiddendim hiddenunits nhidden units numunits dimhidden nunits hdim",
    "n_x": "nx ni d inputsize inputdim ninput features vocabsize dimin inputs xdim embeddim",
    "n_y": "ny no k outputsize outputdim noutput classes numclasses nclasses dimout ydim",
    "m": "m n batch batchsize nsamples examples",
}

# Parameters of an RNN.
RNN_WEIGHTS: dict[str, str] = {
    "Wax": "wax wxa wxh whx wx wih wi win u uxh wixh weightih weightihl0 wxinput winput inputweights wxtoh winh",
    "Waa": "waa whh wh wa wrec wrecurrent w weighthh weighthhl0 r whprev waprev wah recurrentweights",
    "Wya": "wya way why wyh wy wo wout woutput v wah2y vhy whout outputweights",
    "ba": "ba bh b bhidden biasa biash biashidden bhh bias hiddenbias 偏置a",
    "by": "by bo bout biasy c outputbias by0 biasout biasoutput",
}

# Gates, by the letters or words in their parameters' names.
GATES: dict[str, dict[str, str]] = {
    "lstm": {
        "f": "f forget fg forgetgate gf gammaf ft",
        "i": "i u input update ig inputgate updategate gi gu gammai gammau it z",
        "c": "c g cc candidate cand cell ctilde cct cbar memory gc cellgate n gate a",
        "o": "o output og outputgate go gammao ot",
    },
    "gru": {
        "u": "u z update updategate gu gz gammau gammaz ut zt",
        "r": "r reset resetgate gr gammar relevance rt",
        "c": "c h g n candidate cand cc cct ctilde htilde hh cell a hcandidate new memory",
    },
}

# The output layer of an LSTM or GRU.
HEADS: dict[str, str] = {
    "Wy": "wy why wya wyh wyc wout v wv hy headw",
    "by": "by bout biasy outputbias headb bv bhy",
}
