"""Classifiers beside the trees: linear ones, a kernel machine, a convolutional head, screening.

Each is used as scikit-learn's are (`fit`, `predict_proba`, `classes_`) and holds arrays alone, so
that a model file needs no pickle.
"""
