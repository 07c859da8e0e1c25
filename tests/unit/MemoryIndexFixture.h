#pragma once
#include "core/memory/HashedEmbedder.h"
#include "core/memory/Index.h"
#include "core/memory/Vectors.h"
#include "tests/unit/MemoriesFixture.h"

#include <atomic>
#include <deque>
#include <mutex>

namespace sb::test {

/// An embedder that does as the test says: makes vectors when it is told to, or fails.
class ToldEmbedder final : public memory::Embedder
{
public:
    using Vectors = std::vector<std::vector<float>>;
    explicit ToldEmbedder(QString called, int size = 64)
        : m_name(std::move(called)), dimension(size)
    {
    }
    [[nodiscard]] QString name() const override { return m_name; }
    [[nodiscard]] bool isImmediate() const override { return false; }
    Future<Vectors> embed(QStringList texts) override
    {
        asked += int(texts.size());
        Promise<Vectors> promise;
        auto future = promise.future();
        {
            const std::scoped_lock lock(m_mutex);
            if (isHeld) {
                m_waiting.push_back({std::move(promise), texts});
                return future;
            }
        }
        promise.set(answer(texts));
        return future;
    }
    /// Answers all that waits, and from now on at once.
    void letGo()
    {
        std::deque<Waiting> waiting;
        {
            const std::scoped_lock lock(m_mutex);
            isHeld = false;
            waiting.swap(m_waiting);
        }
        for (auto& one : waiting) {
            one.promise.set(answer(one.texts));
        }
    }
    [[nodiscard]] int waiting() const
    {
        const std::scoped_lock lock(m_mutex);
        return int(m_waiting.size());
    }
    void fail(std::optional<Error> why)
    {
        const std::scoped_lock lock(m_mutex);
        m_error = std::move(why);
    }

private:
    Result<Vectors> answer(const QStringList& texts) const
    {
        const std::scoped_lock lock(m_mutex);
        if (m_error) {
            return std::unexpected(*m_error);
        }
        Vectors vectors;
        for (const QString& text : texts) {
            if (!refused.isEmpty() && text.contains(refused)) {
                return sb::fail(ErrorCode::InvalidInput, QStringLiteral("The text is too long."));
            }
            auto vector = memory::HashedEmbedder::vectorOf(text);
            vector.resize(size_t(dimension));
            vectors.push_back(std::move(vector));
        }
        return vectors;
    }

    struct Waiting
    {
        Promise<Vectors> promise;
        QStringList texts;
    };
    QString m_name;
    mutable std::mutex m_mutex;
    std::deque<Waiting> m_waiting;
    std::optional<Error> m_error;

public:
    std::atomic<int> dimension;
    std::atomic<int> asked = 0;
    bool isHeld = false; ///< answers wait for letGo(); set it before it is used
    QString refused;     ///< a text with this in it is not accepted
};

/// Counts the texts that it is asked for.
class CountingEmbedder final : public memory::Embedder
{
public:
    [[nodiscard]] QString name() const override { return m_hashed.name(); }
    [[nodiscard]] bool isImmediate() const override { return true; }
    Future<std::vector<std::vector<float>>> embed(QStringList texts) override
    {
        asked += int(texts.size());
        return m_hashed.embed(std::move(texts));
    }
    std::atomic<int> asked = 0;

private:
    memory::HashedEmbedder m_hashed;
};

/// Memories with an index over them, that can be closed, spoiled and opened again.
class MemoryIndexFixture : public MemoriesFixture
{
public:
    explicit MemoryIndexFixture(
        std::shared_ptr<memory::Embedder> made = std::make_shared<CountingEmbedder>())
        : embedder(std::move(made))
    {
        openIndex();
    }
    ~MemoryIndexFixture() { index.reset(); }

    QString file(const QString& name) const
    {
        return folder.filePath(QStringLiteral("index/") + name);
    }
    void openIndex()
    {
        index.reset();
        auto opened = memory::Index::open({.folder = folder.filePath(QStringLiteral("index")),
                                           .journal = *journal,
                                           .database = *database,
                                           .pool = pool,
                                           .clock = clock,
                                           .embedder = embedder,
                                           .changed = [this] { ++told; }});
        SB_ASSERT(opened.has_value());
        index = std::move(*opened);
    }
    bool caughtUp() const { return index->caughtUp().wait().has_value(); }
    /// Ids, best first.
    QStringList matching(const QString& words, const protocol::MemoryFilter& filter = {}) const
    {
        QStringList ids;
        for (const auto& one :
             index->matching(words, 50, filter).value_or(std::vector<memory::Index::Found>())) {
            ids.append(one.id);
        }
        return ids;
    }
    QStringList
    nearest(const QString& words, int count = 50, const protocol::MemoryFilter& filter = {}) const
    {
        QStringList ids;
        auto vector = memory::HashedEmbedder::vectorOf(words);
        for (const auto& one : index->nearest(vector, count, filter)) {
            ids.append(one.id);
        }
        return ids;
    }

    Pool pool{2, QStringLiteral("pool")};
    std::atomic<int> told = 0;
    std::shared_ptr<memory::Embedder> embedder;
    std::unique_ptr<memory::Index> index;
};

} // namespace sb::test
