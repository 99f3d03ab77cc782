/* Pages out of what senders call their referer: whatever comes, a page is http, has a host without
 * capitals, and is the same page when it is read again. */
#include "consumer/referer.h"

#include "tests/fuzz/fuzz.h"

static void check_domain(struct slice domain)
{
    require(domain.len > 0 && domain.data[domain.len - 1] != '.');
    for (size_t i = 0; i < domain.len; i++) {
        char ch = domain.data[i];
        require(ch != '/' && ch != '?' && ch != '#' && ch != '@' && (ch < 'A' || ch > 'Z'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer url, again;
    struct slice domain, domain_again;
    buffer_init(&url);
    buffer_init(&again);
    if (referer_page(slice_make((const char *)data, size), &url, &domain)) {
        check_domain(domain);
        require(url.len <= size + 1);
        /* white space at the end of a page is no part of one that is read */
        if (url.data[url.len - 1] > ' ') {
            require(referer_page(buffer_slice(&url), &again, &domain_again));
            require(slice_equal(buffer_slice(&url), buffer_slice(&again)));
            require(slice_equal(domain, domain_again));
        }
    }
    buffer_fini(&url);
    buffer_fini(&again);
    return 0;
}
