/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/bots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct bots *parsed(const char *list)
{
    struct bots *b = NULL;
    struct error err = {""};
    if (bots_parse(&b, slice_of(list), &err) != 0) {
        fail_msg("%s", err.text);
    }
    return b;
}

static void robots_are_known_and_viewers_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *agent;
        bool is_bot;
    } cases[] = {
        {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true},
        {"mozilla/5.0 (compatible; BINGBOT/2.0)", true},
        {"Scrapy/2.11 (+https://scrapy.org)", true},
        {"curl/8.5.0", false},
        {"python-requests/2.28.1", false},
        {"Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0 Safari/537.36", true},
        {"facebookexternalhit/1.1", true},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
         false},
        {"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/90.0 Mobile", false},
        {"Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/90.0 Mobile", false},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1",
         false},
        {"Shockwave Flash", false},
        {"", false},
    };
    struct bots *b = parsed(bots_built_in);
    assert_true(bots_count(b) > 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (bots_match(b, slice_of(cases[i].agent)) != cases[i].is_bot) {
            fail_msg("%s", cases[i].agent);
        }
    }
    assert_false(bots_match(b, slice_make(NULL, 0)));
    bots_free(b);
}

static bool holds_naively(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasestr(text, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Words that are starts, ends and middles of each other, against looking for each alone. */
static void all_words_at_once_find_what_each_alone_finds(void **state)
{
    (void)state;
    static const char *const words[] = {"abab", "babb", "aab", "bbba", "Abcab", "cabca", "bca."};
    struct bots *b = parsed("abab\n# no word\nbabb\r\naab\n\nbbba\nAbcab\ncabca\nbca.");
    uint32_t random = 1;
    size_t found = 0;
    for (int round = 0; round < 20000; round++) {
        char text[16];
        for (size_t i = 0; i < sizeof text - 1; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = "abcABx."[(random >> 20) % 7];
        }
        text[sizeof text - 1] = '\0';
        bool wanted = holds_naively(text, words, sizeof words / sizeof words[0]);
        found += wanted;
        assert_int_equal(bots_match(b, slice_of(text)), wanted);
    }
    assert_in_range(found, 1000, 19000);
    bots_free(b);
}

static void any_byte_may_stand_in_an_agent(void **state)
{
    (void)state;
    struct bots *b = parsed("bot/");
    char text[256 + 4];
    for (int i = 0; i < 256; i++) {
        text[i] = (char)i;
    }
    assert_false(bots_match(b, slice_make(text, 256)));
    memcpy(text + 256, "BoT/", 4);
    assert_true(bots_match(b, slice_make(text, 260)));
    bots_free(b);
}

static void lists_that_are_no_good_name_the_line(void **state)
{
    (void)state;
    struct bots *b = NULL;
    struct error err;
    assert_int_equal(bots_parse(&b, slice_of("spider\n# c\nab\n"), &err), -EINVAL);
    assert_string_equal(err.text, "line 3: a word has 3 to 64 bytes, this one has 2");
    char *big = calloc(1, 70000);
    assert_non_null(big);
    memset(big, '#', 69999);
    assert_int_equal(bots_parse(&b, slice_of(big), &err), -EINVAL);
    free(big);
    assert_null(b);
}

static void an_empty_list_knows_none(void **state)
{
    (void)state;
    struct bots *b = parsed("# none\n");
    assert_false(bots_match(b, slice_of("GPTBot/1.0")));
    bots_free(b);
}

static void a_list_is_read_from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/playreport-bots-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "my robot\n", 9), 9);
    close(fd);
    struct bots *b = NULL;
    struct error err;
    assert_int_equal(bots_load(&b, path, &err), 0);
    assert_true(bots_match(b, slice_of("My Robot 1")));
    assert_false(bots_match(b, slice_of("GPTBot/1.0")));
    bots_free(b);
    assert_int_equal(truncate(path, 2), 0);
    assert_int_equal(bots_load(&b, path, &err), -EINVAL);
    assert_non_null(strstr(err.text, path));
    unlink(path);
    assert_int_equal(bots_load(&b, path, &err), -ENOENT);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(bots_load(&b, "", &err), 0);
    assert_true(bots_match(b, slice_of("GPTBot/1.0")));
    bots_free(b);
    bots_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(robots_are_known_and_viewers_are_not),
        cmocka_unit_test(all_words_at_once_find_what_each_alone_finds),
        cmocka_unit_test(any_byte_may_stand_in_an_agent),
        cmocka_unit_test(lists_that_are_no_good_name_the_line),
        cmocka_unit_test(an_empty_list_knows_none),
        cmocka_unit_test(a_list_is_read_from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
