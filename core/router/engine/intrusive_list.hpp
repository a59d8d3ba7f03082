// Doubly linked list through the objects themselves: joining and leaving costs no memory, and an
// object that is destroyed leaves by itself. One thread.
#pragma once

#include <cstddef>

namespace patchbay::engine {

// Base of what can be in one list of kind Tag.
template <typename Tag>
class ListNode {
public:
    ListNode() = default;
    ListNode(const ListNode &) = delete;
    ListNode &operator=(const ListNode &) = delete;
    ~ListNode() { unlink(); }

    bool isLinked() const noexcept { return next_ != nullptr; }
    void unlink() noexcept
    {
        if (next_ != nullptr) {
            prev_->next_ = next_;
            next_->prev_ = prev_;
            prev_ = next_ = nullptr;
        }
    }
    void linkBefore(ListNode &other) noexcept
    {
        prev_ = other.prev_;
        next_ = &other;
        prev_->next_ = this;
        other.prev_ = this;
    }

private:
    template <typename T, typename U>
    friend class List;
    ListNode *prev_ = nullptr, *next_ = nullptr;
};

// Does not own its members. T derives from ListNode<Tag>.
template <typename T, typename Tag>
class List {
public:
    List() noexcept { root_.prev_ = root_.next_ = &root_; }
    ~List()
    {
        while (popFront() != nullptr) {
        }
        root_.prev_ = root_.next_ = nullptr;
    }
    List(const List &) = delete;
    List &operator=(const List &) = delete;

    bool empty() const noexcept { return root_.next_ == &root_; }
    void pushBack(T &item) noexcept { static_cast<ListNode<Tag> &>(item).linkBefore(root_); }
    T *front() const noexcept { return toItem(root_.next_); }
    // nullptr after the last.
    T *after(T &item) const noexcept { return toItem(static_cast<ListNode<Tag> &>(item).next_); }
    static void remove(T &item) noexcept { static_cast<ListNode<Tag> &>(item).unlink(); }
    T *popFront() noexcept
    {
        T *item = front();
        if (item != nullptr) {
            static_cast<ListNode<Tag> *>(item)->unlink();
        }
        return item;
    }

private:
    T *toItem(ListNode<Tag> *node) const noexcept
    {
        return node == &root_ ? nullptr : static_cast<T *>(node);
    }
    ListNode<Tag> root_;
};

} // namespace patchbay::engine
