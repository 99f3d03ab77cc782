/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/methods.h"

static void each_method_has_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum method_kind kind;
        enum report_path asked;
        bool reports;
    } CASES[] = {
        {"/api/analytics/report/event", METHOD_REPORT, REPORT_PATH_EVENT, true},
        {"/api/analytics/report/play", METHOD_REPORT, REPORT_PATH_PLAY, true},
        {"/api/analytics/report/download", METHOD_REPORT, REPORT_PATH_DOWNLOAD, true},
        {"/api/analytics/report/batch", METHOD_BATCH, REPORT_PATH_PLAY, true},
        {"/api/analytics/report/event.gif", METHOD_PIXEL, REPORT_PATH_EVENT, true},
        {"/api/analytics/report/play.gif", METHOD_PIXEL, REPORT_PATH_PLAY, true},
        {"/api/echo", METHOD_ECHO, REPORT_PATH_EVENT, false},
        {"/api/site/get", METHOD_SITE, REPORT_PATH_EVENT, false},
        {"/api/concatenate", METHOD_CONCATENATE, REPORT_PATH_EVENT, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct method *m = method_find(slice_of(CASES[i].path));
        assert_non_null(m);
        assert_string_equal(m->path, CASES[i].path);
        assert_int_equal(m->kind, CASES[i].kind);
        assert_int_equal(m->asked, CASES[i].asked);
        assert_int_equal(method_reports(m), CASES[i].reports);
        bool is_inner = m->kind != METHOD_PIXEL && m->kind != METHOD_CONCATENATE;
        assert_ptr_equal(method_find_inner(slice_of(m->path)), is_inner ? m : NULL);
    }
}

static void other_paths_name_none(void **state)
{
    (void)state;
    static const char *const PATHS[] = {"",           "/",         "/api/",
                                        "/api/echo/", "/api/Echo", "/api/analytics/report/even",
                                        "api/echo",   "//api/echo"};
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        assert_null(method_find(slice_of(PATHS[i])));
        assert_null(method_find_inner(slice_of(PATHS[i])));
    }
    assert_null(method_find(slice_make(NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_has_its_path),
        cmocka_unit_test(other_paths_name_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
