// Answers nobody waits for: where they are found, how long, and how much memory they take.
#include "router/api/async_jobs.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using namespace patchbay;
using namespace patchbay::api;

class AsyncJobsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AsyncJobsTest);
    CPPUNIT_TEST(theAnswerIsFoundByItsPath);
    CPPUNIT_TEST(unknownOnesAreNotFound);
    CPPUNIT_TEST(theOldestAnswersAreForgotten);
    CPPUNIT_TEST(largeAnswersAreForgottenSooner);
    CPPUNIT_TEST(oneThatHasNoAnswerIsNeverForgotten);
    CPPUNIT_TEST(withTooManyTheClientWaits);
    CPPUNIT_TEST_SUITE_END();

public:
    void theAnswerIsFoundByItsPath()
    {
        Respond respond = begin();
        CPPUNIT_ASSERT_EQUAL(202U, told_.status);
        CPPUNIT_ASSERT_EQUAL(std::string("{\r\n\t\"job\": \"/jobs/1\"\r\n}\r\n"), told_.body);
        CPPUNIT_ASSERT_EQUAL(202U, jobs_.find("1").status);
        CPPUNIT_ASSERT_EQUAL(told_.body, jobs_.find("1").body);
        respond(Answer::error(400, "No."));
        CPPUNIT_ASSERT_EQUAL(400U, jobs_.find("1").status);
        CPPUNIT_ASSERT_EQUAL(Answer::error(400, "No.").body, jobs_.find("1").body);
        CPPUNIT_ASSERT_EQUAL(1, times_); // the client has been told of the job, and that is all
    }

    void unknownOnesAreNotFound()
    {
        begin();
        for (const char *id : {"", "0", "2", "x", "1x", " 1", "+1", "-1", "99999999999999999999"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(id, 404U, jobs_.find(id).status);
        }
        CPPUNIT_ASSERT_EQUAL(202U, jobs_.find("01").status); // a number, however it is written
    }

    void theOldestAnswersAreForgotten()
    {
        for (int i = 0; i < 65; i++) {
            begin()(Answer::success(std::to_string(i)));
        }
        CPPUNIT_ASSERT_EQUAL(404U, jobs_.find("1").status);
        CPPUNIT_ASSERT_EQUAL(200U, jobs_.find("2").status);
        CPPUNIT_ASSERT_EQUAL(200U, jobs_.find("65").status);
    }

    void largeAnswersAreForgottenSooner()
    {
        const std::string large(std::size_t{3} << 20, 'a');
        for (int i = 0; i < 3; i++) {
            begin()(Answer::success(large));
        }
        CPPUNIT_ASSERT_EQUAL(404U, jobs_.find("1").status);
        CPPUNIT_ASSERT_EQUAL(200U, jobs_.find("2").status);
        begin()(Answer::success(large + large + large));
        CPPUNIT_ASSERT_EQUAL(404U, jobs_.find("3").status);
        CPPUNIT_ASSERT_EQUAL(200U, jobs_.find("4").status); // the only one, however large
    }

    void oneThatHasNoAnswerIsNeverForgotten()
    {
        Respond slow = begin();
        for (int i = 0; i < 200; i++) {
            begin()(Answer::success("Ok"));
        }
        CPPUNIT_ASSERT_EQUAL(202U, jobs_.find("1").status);
        slow(Answer::success("at last"));
        CPPUNIT_ASSERT_EQUAL(200U, jobs_.find("1").status);
    }

    void withTooManyTheClientWaits()
    {
        std::vector<Respond> waiting;
        for (int i = 0; i < 64; i++) {
            waiting.push_back(begin());
        }
        CPPUNIT_ASSERT_EQUAL(64, times_);
        Respond itself = begin();
        CPPUNIT_ASSERT_EQUAL(64, times_);
        itself(Answer::success("done"));
        CPPUNIT_ASSERT_EQUAL(200U, told_.status);
        waiting.front()(Answer::success("Ok"));
        begin();
        CPPUNIT_ASSERT_EQUAL(202U, told_.status);
    }

private:
    Respond begin()
    {
        return jobs_.begin([this](Answer answer) {
            told_ = std::move(answer);
            times_++;
        });
    }

    AsyncJobs jobs_;
    Answer told_;
    int times_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(AsyncJobsTest);

} // namespace
