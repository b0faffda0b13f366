"""molvm: steer pretrained molecule generators towards any reward."""
