<?php
// What the plugin has kept goes with it; what it has told the service stays there.

if (!defined('WP_UNINSTALL_PLUGIN')) {
    exit;
}

global $wpdb;
wp_clear_scheduled_hook('populer_send');
delete_option('populer');
delete_option('populer_state');
delete_post_meta_by_key('_populer_told');
delete_post_meta_by_key('_populer_waiting');
delete_option('populer_lock');
$wpdb->query($wpdb->prepare("DELETE FROM $wpdb->options WHERE option_name LIKE %s", $wpdb->esc_like('populer_gone_') . '%'));
