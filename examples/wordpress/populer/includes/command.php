<?php

if (!defined('ABSPATH')) {
    exit;
}

/** Describes articles to a Populer service. */
class Populer_Command
{
    private const TRIES = 4;

    /**
     * Describe all articles, the newest first, and take down those that are no longer published.
     *
     * What cannot be sent goes on waiting for WP-Cron. Calling it again does no harm.
     *
     * ## EXAMPLES
     *
     *     wp populer sync
     */
    public function sync(): void
    {
        if (!populer_is_describing()) {
            WP_CLI::error(__('The service and its key are not set. Enter them under Settings → Populer.', 'populer'));
        }
        populer_set_state(['notes' => []]);
        $total = populer_mark_all();
        $progress = \WP_CLI\Utils\make_progress_bar('Populer', $total);
        for ($failures = $busy = 0; populer_waiting() > 0; ) {
            $sent = populer_send_batch(POPULER_PATIENCE_S);
            $progress->tick($sent['done']);
            wp_cache_flush_runtime();
            if ($sent['done'] > 0) {
                $failures = $busy = 0;
                continue;
            }
            if ($sent['busy'] && ++$busy <= POPULER_LOCK_S) {
                sleep(1);
                continue;
            }
            if (++$failures >= self::TRIES) {
                $progress->finish();
                $why = $sent['error'] ?: __('Another request is sending.', 'populer');
                /* translators: 1: why, 2: a number */
                WP_CLI::error(sprintf(__('%1$s WP-Cron will send what still waits (%2$d).', 'populer'), $why, populer_waiting()));
            }
            usleep((int) (1e6 * 0.25 * 2 ** $failures));
        }
        $progress->finish();
        foreach (populer_state()['notes'] as $note) {
            WP_CLI::warning($note);
        }
        /* translators: %d: a number */
        WP_CLI::success(sprintf(_n('%d article was sent.', '%d articles were sent.', $total, 'populer'), $total));
    }
}
