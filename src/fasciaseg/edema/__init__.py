"""Which pixels are edema: the exam's own reference, the threshold, the fat suppression."""
