#!/usr/bin/env python
# coding: utf-8

# # Building your RNN

# In[1]:


import numpy as np
from rnn_utils import *
get_ipython().run_line_magic('matplotlib', 'inline')
get_ipython().system('wget -q https://example.org/shakespeare.txt')


# In[4]:


def rnn_cell_forward(xt, a_prev, parameters):
    a_next = np.tanh(np.dot(parameters["Wax"], xt) + np.dot(parameters["Waa"], a_prev) + parameters["ba"])
    yt_pred = softmax(np.dot(parameters["Wya"], a_next) + parameters["by"])
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


# In[5]:


text = open('shakespeare.txt').read()
a_next, yt_pred, cache = rnn_cell_forward(xt, a_prev, parameters)
print("a_next[4] = ", a_next[4])


# **Expected Output**:

# In[7]:


def rnn_forward(x, a0, parameters):
    caches = []
    a = np.zeros(a0.shape + (x.shape[2],))
    y_pred = np.zeros((parameters["Wya"].shape[0],) + x.shape[1:])
    a_next = a0
    for t in range(x.shape[2]):
        a_next, y_pred[:, :, t], cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        caches.append(cache)
    return a, y_pred, (caches, x)


# In[ ]:


input("press enter to train")
