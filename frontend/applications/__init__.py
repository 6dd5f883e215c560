"""Models of the literature with the layer names of Keras, so that published weights fit; one family a file."""
