<?php
// What waits goes to the service: when a request that changed something is over, by WP-Cron, by `wp populer sync`, and in
// steps from the settings page. One of them at a time, so that an older description never overtakes a newer one.

if (!defined('ABSPATH')) {
    exit;
}

const POPULER_BATCH = 100;
/** How long an answer is waited for where an editor may be waiting, and where nobody does, in seconds. */
const POPULER_EDITOR_PATIENCE_S = 2;
const POPULER_PATIENCE_S = 10;
const POPULER_CRON_S = 20;
const POPULER_LOCK_S = 120;
const POPULER_RETRY_S = 60;
const POPULER_LONGEST_RETRY_S = 3600;

/** At the end of a request: send what it has changed, and leave the rest to WP-Cron. */
function populer_send_changes(): void
{
    $changed = populer_changed();
    if (!$changed || !populer_is_describing()) {
        return;
    }
    if (populer_state()['not_before'] <= time()) {
        if (function_exists('fastcgi_finish_request')) {
            fastcgi_finish_request();  // the editor has the answer and waits no longer
        }
        populer_send_batch(POPULER_EDITOR_PATIENCE_S, isset($changed[0]) ? [] : array_keys($changed));
    }
    if (populer_waiting() > 0) {
        populer_schedule();
    }
}

/** By WP-Cron: send what waits, for a while. */
function populer_send_waiting(): void
{
    $until = microtime(true) + POPULER_CRON_S;
    do {
        $sent = populer_send_batch(POPULER_PATIENCE_S);
    } while ($sent['done'] > 0 && $sent['error'] === '' && microtime(true) < $until);
    if (populer_waiting() > 0) {
        populer_schedule();
    }
}

/**
 * Send up to a hundred of what waits, or of `$ids`.
 *
 * @return array{done: int, error: string, busy: bool} busy: another request is sending, and nothing was done
 */
function populer_send_batch(float $patience_s, array $ids = []): array
{
    $lock = populer_lock();
    if ($lock === null) {
        return ['done' => 0, 'error' => '', 'busy' => true];
    }
    try {
        $failure = null;
        $done = populer_send_marks(populer_marks(POPULER_BATCH, $ids), $patience_s, $failure);
        if ($failure === null) {
            $done += populer_send_gone($patience_s, $failure);
        }
    } finally {
        populer_unlock($lock);
    }
    if ($failure !== null) {
        $failures = populer_state()['failures'] + 1;
        $wait_s = min(POPULER_LONGEST_RETRY_S, POPULER_RETRY_S * 2 ** min(10, $failures - 1));
        $error = $failure->get_error_message();
        populer_set_state(['failures' => $failures, 'not_before' => time() + $wait_s, 'error' => $error]);
        return ['done' => $done, 'error' => $error, 'busy' => false];
    }
    if ($done > 0 || populer_state()['error'] !== '') {
        populer_set_state(['failures' => 0, 'not_before' => 0, 'error' => '', 'sent_at' => time()]);
    }
    return ['done' => $done, 'error' => '', 'busy' => false];
}

/** Describe or take down what is marked; how many were settled. `$failure` is set where the service did not take part. */
function populer_send_marks(array $marks, float $patience_s, ?WP_Error &$failure): int
{
    _prime_post_caches(array_map(static fn($mark): int => (int) $mark->post_id, $marks));
    $until = microtime(true) + 2 * $patience_s;
    $settled = $batch = [];
    foreach ($marks as $mark) {
        $post = get_post((int) $mark->post_id);
        $told = $post === null ? '' : (string) get_post_meta($post->ID, POPULER_TOLD, true);
        if (!populer_is_listed($post)) {
            if ($post === null || $told === POPULER_DOWN || populer_take_down($post->ID, $patience_s, $failure)) {
                $settled[] = $mark;
            }
            if ($post !== null && $failure === null) {
                update_post_meta($post->ID, POPULER_TOLD, POPULER_DOWN);
            }
        } elseif ($told === POPULER_DOWN) {
            if (populer_restore($post, $patience_s, $failure)) {
                $settled[] = $mark;
            }
        } else {
            $batch[] = [$mark, populer_article($post), $told];
        }
        if ($failure !== null || microtime(true) > $until) {
            break;
        }
    }
    if ($failure === null && $batch && populer_describe($batch, $patience_s, $failure)) {
        $settled = array_merge($settled, array_column($batch, 0));
    }
    populer_unmark($settled);
    return count($settled);
}

/** Describe articles (`[mark, description, address told before]`), and say which addresses they had before. */
function populer_describe(array $batch, float $patience_s, ?WP_Error &$failure): bool
{
    $answer = populer_request('PUT', '/v1/items', array_column($batch, 1), $patience_s);
    if (is_wp_error($answer) && $answer->get_error_code() !== 422) {
        $failure = $answer;
        return false;
    }
    // 422: none of them can be stored, each for a reason of its own.
    $outcomes = is_wp_error($answer) ? (array) ($answer->get_error_data()['invalid'] ?? []) : ($answer['items'] ?? []);
    foreach ($batch as $place => [, $article]) {
        populer_note_refusal($article['id'], is_array($outcomes[$place] ?? null) ? $outcomes[$place] : []);
    }
    $renamed = [];
    foreach ($batch as [, $article, $told]) {
        if ($told !== '' && $told !== $article['url']) {
            $renamed[] = ['item' => $article['id'], 'urls' => [$told]];
        }
    }
    if ($renamed && !populer_alias($renamed, $patience_s, $failure)) {
        return false;
    }
    foreach ($batch as [, $article]) {
        update_post_meta((int) $article['id'], POPULER_TOLD, wp_slash((string) $article['url']));
    }
    return true;
}

/** Say which addresses articles had before: their readers, and links that still lead there, count for them. */
function populer_alias(array $renamed, float $patience_s, ?WP_Error &$failure): bool
{
    $answer = populer_request('PUT', '/v1/aliases', $renamed, $patience_s);
    if (is_wp_error($answer)) {
        $failure = $answer;
        return false;
    }
    foreach ((array) ($answer['invalid'] ?? []) as $invalid) {
        $item = is_array($invalid) ? $renamed[(int) ($invalid['index'] ?? -1)]['item'] ?? '' : '';
        populer_note_refusal((string) $item, (array) $invalid);
    }
    return true;
}

/** Describe an article that was taken down and is published again. */
function populer_restore(WP_Post $post, float $patience_s, ?WP_Error &$failure): bool
{
    $article = populer_article($post);
    $answer = populer_request('PUT', '/v1/items/' . rawurlencode($article['id']), $article, $patience_s);
    if (is_wp_error($answer) && $answer->get_error_code() !== 422) {
        $failure = $answer;
        return false;
    }
    if (is_wp_error($answer)) {
        populer_note_refusal($article['id'], ['error' => $answer->get_error_message()]);
    }
    update_post_meta($post->ID, POPULER_TOLD, wp_slash((string) $article['url']));
    return true;
}

/** Take an article down. */
function populer_take_down(int $id, float $patience_s, ?WP_Error &$failure): bool
{
    $answer = populer_request('DELETE', '/v1/items/' . $id, null, $patience_s);
    $failure = is_wp_error($answer) ? $answer : null;
    return $failure === null;
}

/** Take down posts that are deleted; how many were. */
function populer_send_gone(float $patience_s, ?WP_Error &$failure): int
{
    $done = 0;
    $until = microtime(true) + 2 * $patience_s;
    foreach (populer_gone(POPULER_BATCH) as $id) {
        if (microtime(true) > $until || !populer_take_down($id, $patience_s, $failure)) {
            break;
        }
        delete_option(POPULER_GONE . $id);
        $done++;
    }
    return $done;
}

/** Keep for the settings page why the service did not take an article, or a part of it. */
function populer_note_refusal(string $id, array $outcome): void
{
    $why = is_string($outcome['error'] ?? null) ? [$outcome['error']] : (array) ($outcome['ignored'] ?? []);
    foreach (array_filter($why, 'is_string') as $sentence) {
        /* translators: 1: a post's number, 2: the service's sentence */
        populer_note(sprintf(__('Post %1$s: %2$s', 'populer'), $id, $sentence));
    }
}

/** The right to send, for two minutes; null: another request has it. */
function populer_lock(): ?string
{
    global $wpdb;
    $lock = sprintf('%d %s', time() + POPULER_LOCK_S, uniqid('', true));
    $name = 'populer_lock';
    $made = $wpdb->query($wpdb->prepare(
        "INSERT IGNORE INTO $wpdb->options (option_name, option_value, autoload) VALUES (%s, %s, 'no')",
        $name,
        $lock
    ));
    if ($made) {
        return $lock;
    }
    $held = (string) $wpdb->get_var($wpdb->prepare("SELECT option_value FROM $wpdb->options WHERE option_name = %s", $name));
    if ((int) $held > time()) {
        return null;
    }
    return $wpdb->update($wpdb->options, ['option_value' => $lock], ['option_name' => $name, 'option_value' => $held]) ? $lock : null;
}

/** Give the right to send back. */
function populer_unlock(string $lock): void
{
    global $wpdb;
    $wpdb->delete($wpdb->options, ['option_name' => 'populer_lock', 'option_value' => $lock]);
}
