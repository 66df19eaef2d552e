from sklearn.utils.estimator_checks import parametrize_with_checks

from detectors.density import LocalDensity
from detectors.prototype import NearestPrototype


@parametrize_with_checks([LocalDensity(), NearestPrototype()])
def test_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)
