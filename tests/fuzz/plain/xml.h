/* The XML of our answers: elements, attributes, references. For tests. */
#ifndef TESTS_FUZZ_PLAIN_XML_H
#define TESTS_FUZZ_PLAIN_XML_H

#include "common/slice.h"

/* Is text one element and nothing else, well-formed by XML 1.0? No comments, no declarations. */
bool plain_xml_is_whole(struct slice text);

#endif
