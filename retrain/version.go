package retrain

// VERSION is the version of this module.
const VERSION = "0.1.0"
