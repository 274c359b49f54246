<?php
// What waits to be told to the service: a mark at each post that has changed, so the queue is never longer than the site
// has posts and survives whatever ends PHP. A mark has a value of its own for each change: one that comes while the post
// is being sent stays. Posts that are deleted for good leave an option behind, of which there are at most POPULER_GONE_MAX.

if (!defined('ABSPATH')) {
    exit;
}

const POPULER_MARK = '_populer_waiting';
const POPULER_GONE = 'populer_gone_';
const POPULER_GONE_MAX = 1000;

/** The posts that this request has changed, as keys; 0 stands for more than can be named. */
function &populer_changed(): array
{
    static $changed = [];
    return $changed;
}

/** Note that a post has to be described, or taken down. */
function populer_mark(int $id): void
{
    update_post_meta($id, POPULER_MARK, uniqid('', true));
    populer_changed()[$id] = true;
}

/** Note that a post which is being deleted has to be taken down. */
function populer_mark_gone(int $id): void
{
    global $wpdb;
    $like = $wpdb->esc_like(POPULER_GONE) . '%';
    $count = (int) $wpdb->get_var($wpdb->prepare("SELECT COUNT(*) FROM $wpdb->options WHERE option_name LIKE %s", $like));
    if ($count >= POPULER_GONE_MAX) {
        /* translators: %d: a post's number */
        populer_note(sprintf(__('Too many take-downs wait: post %d will not be taken down. Take it down by hand.', 'populer'), $id));
        return;
    }
    update_option(POPULER_GONE . $id, '1', false);
    populer_changed()[$id] = true;
}

/** Mark all articles, or those of a term (`$ids` of term taxonomies), and whatever has to be taken down; how many wait now. */
function populer_mark_all(array $ids = []): int
{
    global $wpdb;
    $value = uniqid('all', true);
    $types = implode(', ', array_fill(0, max(1, count(populer_post_types())), '%s'));
    $of_terms = '';
    if ($ids) {
        $list = implode(', ', array_map('intval', $ids));
        $of_terms = "AND p.ID IN (SELECT object_id FROM $wpdb->term_relationships WHERE term_taxonomy_id IN ($list))";
    }
    // A mark that is being sent at this moment stays for what changes now.
    $wpdb->query($wpdb->prepare("UPDATE $wpdb->postmeta SET meta_value = %s WHERE meta_key = %s", $value, POPULER_MARK));
    $wpdb->query($wpdb->prepare(
        "INSERT INTO $wpdb->postmeta (post_id, meta_key, meta_value)
         SELECT p.ID, %s, %s FROM $wpdb->posts p
         LEFT JOIN $wpdb->postmeta mark ON mark.post_id = p.ID AND mark.meta_key = %s
         LEFT JOIN $wpdb->postmeta told ON told.post_id = p.ID AND told.meta_key = %s
         WHERE mark.meta_id IS NULL $of_terms
           AND ((p.post_status = 'publish' AND p.post_password = '' AND p.post_type IN ($types))
                OR (told.meta_value IS NOT NULL AND told.meta_value <> %s))
         ORDER BY p.ID",
        array_merge([POPULER_MARK, $value, POPULER_MARK, POPULER_TOLD], populer_post_types() ?: [''], [POPULER_DOWN])
    ));
    populer_changed()[0] = true;
    populer_schedule();
    return populer_waiting();
}

/** How many posts wait. */
function populer_waiting(): int
{
    global $wpdb;
    $posts = $wpdb->prepare("SELECT COUNT(*) FROM $wpdb->postmeta WHERE meta_key = %s", POPULER_MARK);
    $like = $wpdb->esc_like(POPULER_GONE) . '%';
    $gone = $wpdb->prepare("SELECT COUNT(*) FROM $wpdb->options WHERE option_name LIKE %s", $like);
    return (int) $wpdb->get_var($posts) + (int) $wpdb->get_var($gone);
}

/** Up to `$limit` marks (`meta_id`, `post_id`, `meta_value`), those of the newest posts first; of `$ids` alone where given. */
function populer_marks(int $limit, array $ids = []): array
{
    global $wpdb;
    $of = $ids ? 'AND post_id IN (' . implode(', ', array_map('intval', $ids)) . ')' : '';
    return $wpdb->get_results($wpdb->prepare(
        "SELECT meta_id, post_id, meta_value FROM $wpdb->postmeta WHERE meta_key = %s $of ORDER BY meta_id DESC LIMIT %d",
        POPULER_MARK,
        $limit
    ));
}

/** Up to `$limit` ids of posts that are deleted and not yet taken down. */
function populer_gone(int $limit): array
{
    global $wpdb;
    $like = $wpdb->esc_like(POPULER_GONE) . '%';
    $names = $wpdb->get_col($wpdb->prepare("SELECT option_name FROM $wpdb->options WHERE option_name LIKE %s LIMIT %d", $like, $limit));
    return array_map(static fn(string $name): int => (int) substr($name, strlen(POPULER_GONE)), $names);
}

/** Take marks away, but those whose post has changed since they were read. */
function populer_unmark(array $marks): void
{
    global $wpdb;
    foreach ($marks as $mark) {
        $wpdb->delete($wpdb->postmeta, ['meta_id' => $mark->meta_id, 'meta_value' => $mark->meta_value]);
        wp_cache_delete((int) $mark->post_id, 'post_meta');
    }
}

/** Have WP-Cron send what waits, once that makes sense. */
function populer_schedule(): void
{
    $at = max(time() + MINUTE_IN_SECONDS, populer_state()['not_before']);
    $next = wp_next_scheduled('populer_send');
    if ($next === false || $next > $at) {
        wp_clear_scheduled_hook('populer_send');
        wp_schedule_single_event($at, 'populer_send');
    }
}

/** How the sending goes: failures in a row, when to try again, the last error, what the service refused, the last success. */
function populer_state(): array
{
    $stored = get_option('populer_state');
    $usual = ['failures' => 0, 'not_before' => 0, 'error' => '', 'notes' => [], 'sent_at' => 0, 'total' => 0];
    return (is_array($stored) ? $stored : []) + $usual;
}

/** Change some of the state. */
function populer_set_state(array $changes): void
{
    update_option('populer_state', $changes + populer_state(), false);
}

/** Keep a sentence for the settings page, which shows the last ten. */
function populer_note(string $sentence): void
{
    $notes = array_diff(populer_state()['notes'], [$sentence]);
    populer_set_state(['notes' => array_slice(array_merge($notes, [$sentence]), -10)]);
}
