from sklearn.utils.estimator_checks import parametrize_with_checks

from detectors.contrast import CaseContrast
from detectors.counterfeit import CounterfeitDetector
from detectors.density import LocalDensity
from detectors.prototype import NearestPrototype
from detectors.prototype_classifier import PrototypeClassifier
from detectors.quantised import QuantisedPrototypeClassifier


@parametrize_with_checks(
    [
        LocalDensity(),
        LocalDensity(reference="contaminated"),
        CaseContrast(),
        PrototypeClassifier(),
        QuantisedPrototypeClassifier(),
        QuantisedPrototypeClassifier(bits=1),
        CounterfeitDetector(),
        NearestPrototype(),
    ]
)
def test_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)
